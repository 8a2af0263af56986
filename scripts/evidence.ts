import { existsSync } from "node:fs";

/** What a test run left of one thing that was tried. */
export interface Evidence {
  readonly file: string;
  /** As the one who has to run it again would say it. */
  readonly of: string;
}

/** @throws Error with all that the last run lacks, and how to get it */
export function requireEvidence(all: readonly Evidence[], run: string): void {
  const missing = all.filter(({ file }) => !existsSync(file)).map(({ of }) => of);
  if (missing.length > 0) throw new Error(`the last run lacks ${missing.join(", ")}: ${run}`);
}
