import type { Finding } from "./observations.ts";

/** What there is to know of the host, a row each: ["kernel", "6.1.0-18-amd64"]. */
export type Surroundings = readonly (readonly [name: string, value: string])[];

/** Markdown to be pasted into an issue. */
export const reportText = (findings: readonly Finding[], surroundings: Surroundings): string =>
  `\
## taskrole smoke: ${countsOf(findings)}

| | check | seen |
|---|---|---|
${findings.map(({ check, outcome, seen }) => row([outcome, check, seen])).join("\n")}

| | |
|---|---|
${surroundings.map(row).join("\n")}
`;

/** "7 passed, 0 failed, 2 not checked" */
const countsOf = (findings: readonly Finding[]): string =>
  (["passed", "failed", "not checked"] as const)
    .map((outcome) => `${findings.filter((finding) => finding.outcome === outcome).length} ${outcome}`)
    .join(", ");

const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;

const cell = (text: string): string => text.replaceAll("|", "\\|").replace(/\s+/g, " ").trim();

/** The same with each account's number replaced, the same number by the same word. */
export function withoutAccounts(text: string): string {
  const words = new Map<string, string>();
  return text.replace(/(?<!\d)\d{12}(?!\d)/g, (account) => {
    if (!words.has(account)) words.set(account, `ACCOUNT-${words.size + 1}`);
    return words.get(account) ?? "";
  });
}
