import { test } from "node:test";
import { engineName } from "../../e2e/support/settings.ts";
import { keepEvidence } from "../../support/evidence.ts";
import { ATTACKS, type AttackId } from "../attacks.ts";
import { evidenceFile } from "./evidence-file.ts";

/** @param attack throws unless it succeeds. @returns a few words on what the attacker got */
export function succeedsWithout(id: AttackId, attack: () => Promise<string>): void {
  const { name, without } = ATTACKS[id];
  test(`${name}: succeeds with ${without}`, () => keepEvidence(evidenceFile(engineName, id, "without"), attack));
}

/** @param attack throws unless it fails. @returns a few words on what came of it */
export function failsWith(id: AttackId, attack: () => Promise<string>): void {
  test(`${ATTACKS[id].name}: fails with taskrole`, () => keepEvidence(evidenceFile(engineName, id, "with"), attack));
}
