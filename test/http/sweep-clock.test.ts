import assert from "node:assert/strict";
import { test } from "node:test";
import { SweepClock } from "../../src/http/sweep-clock.ts";

// biome-ignore format: one row a line
const WAITS: readonly [ms: number, sweeps: number, because: string][] = [
  [500,   2, "the running interval is partly over, so a whole one more"],
  [501,   3, "never cut short"],
  [5_000, 11, "ten intervals and the running one"],
  [0,     1, "at the next sweep"],
];

for (const [ms, sweeps, because] of WAITS) {
  test(`${ms} ms are over after ${sweeps} sweeps of 500 ms: ${because}`, () => {
    const clock = new SweepClock(500);
    clock.advance();
    assert.equal(clock.after(ms) - clock.sweeps, sweeps);
  });
}
