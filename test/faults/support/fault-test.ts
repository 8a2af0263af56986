import { test } from "node:test";
import { keepEvidence } from "../../support/evidence.ts";
import type { Fault } from "../faults.ts";
import { evidenceFile } from "./evidence.ts";
import type { Seen } from "./trial.ts";

/** A test for each, and what it saw kept. */
export function testEach(
  faults: Readonly<Record<string, Fault>>,
  attempt: (fault: Fault & { readonly id: string }) => Promise<Seen>,
): void {
  for (const [id, fault] of Object.entries(faults)) {
    test(`${fault.name}: who holds credentials is served, who has none is told in time, the operator is told why`, () =>
      keepEvidence(evidenceFile(id), async () => JSON.stringify(await attempt({ ...fault, id }))));
  }
}
