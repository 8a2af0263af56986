import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { cacheFolder, type EngineName, engineName } from "../../e2e/support/settings.ts";
import { ATTACKS, type AttackId } from "../attacks.ts";

/** "without": with the defence taken away, where the attack must succeed; "with": where it must fail. */
export type Half = "without" | "with";

/** Where a run leaves what it saw, for `npm run docs:security`. */
export const evidenceFile = (engine: EngineName, id: AttackId, half: Half): string =>
  join(cacheFolder, "attack-evidence", engine, `${id}.${half}.txt`);

/** @param attack throws unless it succeeds. @returns a few words on what the attacker got */
export function succeedsWithout(id: AttackId, attack: () => Promise<string>): void {
  const { name, without } = ATTACKS[id];
  test(`${name}: succeeds with ${without}`, () => keep(evidenceFile(engineName, id, "without"), attack));
}

/** @param attack throws unless it fails. @returns a few words on what came of it */
export function failsWith(id: AttackId, attack: () => Promise<string>): void {
  test(`${ATTACKS[id].name}: fails with taskrole`, () => keep(evidenceFile(engineName, id, "with"), attack));
}

async function keep(file: string, attack: () => Promise<string>): Promise<void> {
  await rm(file, { force: true });
  const seen = await attack();
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, seen);
}
