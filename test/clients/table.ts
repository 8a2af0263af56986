import { CASE_NAMES } from "./client.ts";
import type { CaseResult, ClientResult } from "./results.ts";

/** Client by case, for a terminal. */
export function matrixTable(clients: readonly ClientResult[]): string {
  const rows = [
    ["client", "version", ...CASE_NAMES],
    ...clients.map(({ name, version, cases }) => [name, version, ...CASE_NAMES.map((of) => word(cases[of]))]),
  ];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd();
  return rows.map(line).join("\n");
}

const word = (result: CaseResult | undefined): string =>
  result === undefined || result.outcome === "left out" ? "-" : result.outcome;
