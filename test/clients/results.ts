import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CACHE } from "./catalogue.ts";
import type { CaseName, Client } from "./client.ts";
import type { Story } from "./trial.ts";

/** Where `npm run docs:clients` finds what the last run saw. */
export const RESULTS_FILE = process.env["CLIENTS_RESULTS"] ?? join(CACHE, "results.json");

export interface CaseResult extends Partial<Story> {
  readonly tookMs?: number;
  readonly outcome: "ok" | "no credentials" | "left out" | "FAIL";
  /** Of a deviation: the sentence. Of a failure: what failed. */
  readonly because?: string;
}

export interface ClientResult {
  readonly name: string;
  readonly is: string;
  readonly language: string;
  readonly version: string;
  readonly cases: Partial<Record<CaseName, CaseResult>>;
}

/** What a run saw, client by client. */
export class Results {
  readonly #clients = new Map<string, ClientResult>();

  begin({ name, is, language }: Client, version: string): void {
    this.#clients.set(name, { name, is, language, version, cases: {} });
  }

  add(client: Client, caseName: CaseName, result: CaseResult): void {
    const found = this.#clients.get(client.name);
    if (found) found.cases[caseName] = result;
  }

  get all(): readonly ClientResult[] {
    return [...this.#clients.values()];
  }

  /** What the daemon said meanwhile, for whoever has to find out why a case failed. */
  keepLog(client: Client, caseName: CaseName, lines: readonly string[]): void {
    const folder = `${RESULTS_FILE}.logs`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${client.name} ${caseName}.log`.replaceAll(" ", "-")), lines.join("\n"));
  }

  write(): void {
    mkdirSync(dirname(RESULTS_FILE), { recursive: true });
    writeFileSync(RESULTS_FILE, `${JSON.stringify(this.all, null, 2)}\n`);
  }
}
