/**
 * Hostile bytes at a real server over sockets. A few thousand cases each time; for a long run
 *
 *   HTTP_FUZZ_CASES=1000000 npm run -s fuzz
 *
 * says its seed every so often. HTTP_FUZZ_SEED=SEED repeats a run: the cases are the same, their timing is not.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { attackWithAll, hostileCase } from "./hostile-client.ts";
import { RawClient } from "./raw-client.ts";
import { type Serving, serving, text, until } from "./serving.ts";

const SEED = Number(process.env["HTTP_FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const CASES = Number(process.env["HTTP_FUZZ_CASES"] ?? 6_000);
const BATCH = 1_000;
/** The ones before it compile the code and fill the runtime's own pools. */
const BASELINE_BATCH = 1;
/** Of heap and buffers, after everything unused has been freed: it shows a leak of 1 KiB a case in a short run, of 4 bytes in a long one. */
const MOST_GROWTH_BYTES = 4 * 1024 * 1024;
/** Short, so that those who wait for the server need not wait long; long enough for a held-up machine. */
const LIMITS = { requestMs: 600, idleMs: 600, sweepEveryMs: 50, connectionsPerPeer: 10_000 };

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function memoryInUse(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Addresses take turns, so that none runs out of ports that rest after use. */
const addressOf = (index: number): string => `127.0.${1 + (index % 40)}.${1 + (index % 250)}`;

async function isStillServing({ port, server, errors }: Serving): Promise<void> {
  const client = new RawClient(port).send("GET / HTTP/1.1\r\n\r\n");
  assert.equal((await client.response()).body, "served");
  client.close();
  await until(() => server.connectionCount() === 0);
  assert.deepEqual(errors, []);
}

test(`hostile clients: each is answered as it should be or closed in time, and costs no memory (HTTP_FUZZ_SEED=${SEED})`, {
  timeout: 60_000 + CASES * 10,
}, async (t: TestContext) => {
  const target = await serving(t, async () => text("served"), LIMITS);
  let baseline = Number.NaN;
  let growth = 0;
  for (let batch = 0; batch * BATCH < CASES; batch += 1) {
    await attackWithAll(target.port, addressOf, fc.sample(hostileCase(), { seed: SEED + batch, numRuns: BATCH }));
    await isStillServing(target);
    target.requests.length = target.accesses.length = 0;
    if (batch === BASELINE_BATCH) baseline = memoryInUse();
    if (batch > BASELINE_BATCH && batch % 5 === 0) growth = await checkGrowth(baseline);
    if (batch % 50 === 49) process.stdout.write(`${(batch + 1) * BATCH} cases, seed ${SEED}, ${growth} bytes grown\n`);
  }
  t.diagnostic(`${CASES} cases, seed ${SEED}, ${await checkGrowth(baseline)} bytes grown`);
});

/** What a busy machine has not taken down yet is no growth: it is given some seconds. */
async function checkGrowth(baseline: number): Promise<number> {
  let growth = memoryInUse() - baseline;
  for (let tries = 0; growth > MOST_GROWTH_BYTES && tries < 20; tries += 1) {
    await delay(250);
    growth = memoryInUse() - baseline;
  }
  assert.ok(!(growth > MOST_GROWTH_BYTES), `memory has grown by ${growth} bytes: HTTP_FUZZ_SEED=${SEED}`);
  return growth;
}
