import assert from "node:assert/strict";
import { test } from "node:test";
import { untilDone } from "../../src/app/until-done.ts";

/** A task that fails so often; what was told, and how long each pause was. */
function bench(failures: number, random = 1) {
  const told: string[] = [];
  const pauses: number[] = [];
  let runs = 0;
  const stop = new AbortController();
  const options = {
    task: () => {
      runs += 1;
      return runs <= failures ? Promise.reject(new Error(`failure ${runs}`)) : Promise.resolve();
    },
    onTrouble: (error: unknown) => told.push(String(error)),
    onRecovery: () => told.push("recovered"),
    sleep: (ms: number) => {
      pauses.push(ms);
      return pauses.length === 20 ? Promise.resolve(stop.abort()) : Promise.resolve();
    },
    random: () => random,
  };
  return { options, told, pauses, stop, runs: () => runs };
}

test("what succeeds at once is done once, and nothing is told", async () => {
  const { options, told, pauses, stop, runs } = bench(0);
  await untilDone(options, stop.signal);
  assert.deepEqual([runs(), told, pauses], [1, [], []]);
});

test("what fails is tried again with growing pauses; the first failure is told, and the recovery", async () => {
  const { options, told, pauses, stop } = bench(9);
  await untilDone(options, stop.signal);
  assert.deepEqual(told, ["Error: failure 1", "recovered"]);
  assert.deepEqual(pauses, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
});

test("pauses are spread over half their length", async () => {
  const { options, pauses, stop } = bench(2, 0);
  await untilDone(options, stop.signal);
  assert.deepEqual(pauses, [250, 500]);
});

test("it ends when told to, without a word of recovery", async () => {
  const { options, told, stop, runs } = bench(Number.POSITIVE_INFINITY);
  await untilDone(options, stop.signal);
  assert.deepEqual([runs(), told], [20, ["Error: failure 1"]]);
});
