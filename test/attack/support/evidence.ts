import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { test } from "node:test";
import { engineName } from "../../e2e/support/settings.ts";
import { ATTACKS, type AttackId } from "../attacks.ts";
import { evidenceFile } from "./evidence-file.ts";

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
