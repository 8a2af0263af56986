import assert from "node:assert/strict";
import { test } from "node:test";
import { HARMLESS } from "./host-documents.ts";
import { seedAndCases } from "./seed.ts";
import { Wall } from "./wall.ts";

const { seed, cases } = seedAndCases();

const RUNS = [
  { metadataTokens: "optional", cases },
  { metadataTokens: "required", cases: Math.ceil(cases / 4) },
] as const;

for (const { metadataTokens, cases } of RUNS) {
  test(`in ${cases} spellings nothing of the host's is given away: metadata tokens ${metadataTokens}`, async (t) => {
    await using wall = await Wall.open({ metadataTokens });
    const report = await wall.run({ seed, cases });
    t.diagnostic(JSON.stringify(report));

    assert.deepEqual(wall.strangersUpstream(), [], "what is asked upstream is built from the route");
    wall.assertLogHoldsNoSecret();
    for (const kind of ["credentials", "role name", "iam info", "refused 400", "refused 401", "refused 404"]) {
      assert.ok((report.kinds[kind] ?? 0) > 0, `${kind} never occurred: the cases do not try what they are to try`);
    }
  });
}

const SHOWN = [
  ["", "dynamic\nmeta-data"],
  ["dynamic", "fws/\ninstance-identity/"],
  ["dynamic/instance-identity", "document"],
  ["meta-data", "ami-id\niam/\ninstance-id\nplacement/"],
] as const;

test("the wall has doors: each document that a workload may read comes through, as the upstream has it", async () => {
  await using wall = await Wall.open({ metadataTokens: "required" });
  for (const [path, text] of HARMLESS) assert.equal(await wall.ask(`/latest/${path}`), text);
  for (const [path, text] of SHOWN)
    assert.equal(await wall.ask(`/latest/${path}`), text, "a listing shows what can be had");
  assert.deepEqual(wall.strangersUpstream(), []);
});
