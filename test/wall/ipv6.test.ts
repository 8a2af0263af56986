import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runHostProgram } from "../../src/kernel/host-programs.ts";
import { hasMeans } from "../kernel/network-lab.ts";
import { run } from "../support/program.ts";
import type { OwnNetworkReport } from "./own-network.ts";
import { seedAndCases } from "./seed.ts";

const { seed, cases } = seedAndCases();
const CASES = Math.ceil(cases / 4);

async function whyNoNamespace(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "needs root: a network of its own is made with unshare -n";
  const outcome = await runHostProgram(["unshare", "-n", "ip", "-6", "address", "add", "fd00:ec2::254", "dev", "lo"]);
  return outcome.kind === "exited" && outcome.code === 0 ? undefined : "needs a working unshare -n, and IPv6";
}

const missing = await whyNoNamespace();

test(`in ${CASES} spellings nothing of the host's is given away over IPv6, nor at the real addresses`, async (t) => {
  if (!hasMeans(t, missing)) return;
  const program = fileURLToPath(new URL("./own-network.ts", import.meta.url));
  const { code, stdout, stderr } = await run(["-n", process.execPath, program], {
    program: ["unshare"],
    env: { WALL_SEED: String(seed), WALL_CASES: String(CASES) },
  });
  assert.equal(code, 0, stderr);
  const { kinds, strangersUpstream }: OwnNetworkReport = JSON.parse(stdout);
  t.diagnostic(JSON.stringify({ seed, kinds }));
  assert.deepEqual(strangersUpstream, []);
  assert.ok((kinds["credentials"] ?? 0) > 0, "no workload got its own credentials: nothing was tried");
});
