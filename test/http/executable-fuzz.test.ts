import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { crowdAddress, QUIET_ADDRESS, residentMemory, sdkSequence, startDaemon } from "./daemon.ts";
import { attackWithAll, hostileCase } from "./hostile-client.ts";

const SEED = Number(process.env["HTTP_FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const BATCHES = 6;
const BATCH = 500;
const CROWD = 40;
/** Of what the first batch left it with; the runtime frees late. */
const MOST_GROWTH = 1.5;

test(`hostile containers at the program that ships: each is answered as it should be, and others are served (HTTP_FUZZ_SEED=${SEED})`, {
  timeout: 120_000,
}, async (t) => {
  await using daemon = await startDaemon({ crowd: CROWD });
  let baseline = 0;
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const cases = fc.sample(hostileCase(fc.constant("end")), { seed: SEED + batch, numRuns: BATCH });
    await attackWithAll(daemon.port, (index) => crowdAddress(index % CROWD), cases);
    await sdkSequence(daemon.port, QUIET_ADDRESS);
    if (batch === 0) baseline = residentMemory(daemon.pid);
  }
  const growth = residentMemory(daemon.pid) / baseline;
  t.diagnostic(`${BATCHES * BATCH} cases, ${growth.toFixed(2)} of the memory after the first ${BATCH}`);
  assert.ok(growth < MOST_GROWTH, `it has ${growth.toFixed(2)} of the memory that it had`);
  assert.ok(!daemon.host.taskrole.stdout.includes("a bug of taskrole"));
});
