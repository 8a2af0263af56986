import assert from "node:assert/strict";
import { it } from "node:test";
import { fullJitterMs } from "../../src/kit/backoff.ts";

const wait = (failures: number, random: number) =>
  fullJitterMs({ failures, baseMs: 500, capMs: 30_000, random: () => random });

it("waits up to a bound that doubles with each failure and ends at the cap", () => {
  assert.deepEqual(
    [1, 2, 3, 6, 7, 8, 1_000].map((failures) => wait(failures, 1)),
    [500, 1_000, 2_000, 16_000, 30_000, 30_000, 30_000],
  );
});

it("spreads those who failed together over the whole of it", () => {
  assert.deepEqual([wait(3, 0), wait(3, 0.25), wait(3, 0.5)], [0, 500, 1_000]);
});
