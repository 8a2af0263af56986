import { stringify } from "yaml";
import { ConfigError, type ConfigSources, type LoadedConfig, loadWithPlaces } from "../app/config.ts";
import { configPicture } from "../app/config-picture.ts";
import type { Config } from "../app/options.ts";
import { readPolicyCases } from "../app/policy-cases.ts";
import { type CaseOutcome, decisionsOn, outcomesOf } from "../app/policy-check.ts";
import { reviewOfRules } from "../app/role-rules-review.ts";
import { savedConfig } from "../app/saved-config.ts";
import { LookupError } from "../app/workload-lookup.ts";

const HOLDS = 0;
/** Refused, or decided otherwise than expected, or a word of the container's cannot be read. */
const FAILS = 1;
/** Nothing was decided: the configuration, the table or the name is wrong. */
const WRONG = 2;

export interface Asked {
  /** A file, a name or an address. */
  readonly workload: string | undefined;
  /** A file. */
  readonly cases: string | undefined;
  /** For this call, and not by the file: what it says is to be seen as taskrole's own settings. */
  readonly isToolNamed: boolean;
}

/** @returns the exit code */
export async function runCheckConfig(sources: ConfigSources, asked: Asked): Promise<number> {
  try {
    return await check(loadWithPlaces(sources), asked);
  } catch (error) {
    if (!(error instanceof ConfigError) && !(error instanceof LookupError)) throw error;
    for (const mistake of error.message.split("\n")) complain(mistake);
    return WRONG;
  }
}

async function check(loaded: LoadedConfig, { workload, cases, isToolNamed }: Asked): Promise<number> {
  const { config, notes } = loaded;
  for (const { place, says } of notes) complain(`note: ${place} ${says}`);
  for (const warning of reviewOfRules(config)) complain(`warning: ${warning}`);
  if (workload === undefined && cases === undefined)
    return tell(isToolNamed ? savedConfig(loaded) : configPicture(loaded));
  const decided = workload === undefined ? HOLDS : await tellDecisions(workload, config);
  const held = cases === undefined ? HOLDS : tellCases(cases, config);
  return Math.max(decided, held);
}

function tell(text: string): number {
  process.stdout.write(text);
  return HOLDS;
}

async function tellDecisions(word: string, config: Config): Promise<number> {
  const decisions = await decisionsOn(word, config);
  for (const decision of decisions) process.stdout.write(stringify([decision], { lineWidth: 0 }));
  return decisions.every((decision) => decision.granted && !decision.mistakes) ? HOLDS : FAILS;
}

function tellCases(file: string, config: Config): number {
  const read = readPolicyCases(file);
  if (read.kind === "mistakes") throw new LookupError(read.mistakes.join("\n"));
  const outcomes = outcomesOf(read.cases, config);
  for (const outcome of outcomes) process.stdout.write(outcomeLine(outcome));
  const failed = outcomes.filter(({ differences }) => differences.length > 0).length;
  process.stdout.write(`${outcomes.length - failed} hold, ${failed} do not\n`);
  return failed === 0 ? HOLDS : FAILS;
}

const outcomeLine = ({ policyCase: { name, place }, differences }: CaseOutcome): string =>
  differences.length === 0 ? `holds: ${name}\n` : `FAILS: ${name} (${place}): ${differences.join("; ")}\n`;

const complain = (line: string): void => {
  process.stderr.write(`taskrole: ${line}\n`);
};
