import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Pace } from "../../src/kit/pace.ts";

const SECOND = 1_000;
const fresh = () => new Pace({ perSecond: 100, burst: 64, slowestPerSecond: 1, recoverMs: 60 * SECOND });

/** Starts as many as it may, at every millisecond of the time. */
function startsIn(pace: Pace, from: number, ms: number): number {
  let starts = 0;
  for (let at = from; at < from + ms; at += 1) {
    while (pace.waitMs(at) === 0) {
      pace.take(at);
      starts += 1;
    }
  }
  return starts;
}

describe("Pace", () => {
  it("lets a burst go at once, and then so many a second", () => {
    const pace = fresh();
    assert.equal(startsIn(pace, 0, 1), 64);
    assert.ok(Math.abs(startsIn(pace, 1, 10 * SECOND) - 1_000) <= 1);
  });

  it("says how long the next has to wait, and is true to it", () => {
    const pace = fresh();
    startsIn(pace, 0, 1);
    const waitMs = pace.waitMs(1);
    assert.ok(waitMs > 0 && waitMs <= 10, `${waitMs}`);
    assert.equal(pace.waitMs(1 + waitMs), 0);
  });

  it("has a burst again after a rest, and no more however long that was", () => {
    const pace = fresh();
    startsIn(pace, 0, SECOND);
    assert.equal(startsIn(pace, 3_600 * SECOND, 1), 64);
  });

  it("halves when it is too fast, stops its burst, and is as fast as before a minute later", () => {
    const pace = fresh();
    pace.slowDown(0, 0);
    const first = startsIn(pace, 0, SECOND);
    assert.ok(first >= 48 && first <= 52, `${first}`);
    startsIn(pace, SECOND, 60 * SECOND);
    assert.ok(Math.abs(startsIn(pace, 61 * SECOND, SECOND) - 100) <= 1);
  });

  it("counts once what was turned away of many that were under way together", () => {
    const pace = fresh();
    for (let call = 0; call < 64; call += 1) pace.slowDown(500 + call, 10);
    const starts = startsIn(pace, 564, SECOND);
    assert.ok(starts >= 48 && starts <= 54, `${starts}`);
  });

  it("goes down to one a second, and never stands still", () => {
    const pace = fresh();
    for (let second = 0; second < 20; second += 1) pace.slowDown(second * 100, second * 100);
    const starts = startsIn(pace, 2_000, 2 * SECOND);
    assert.ok(starts >= 1 && starts <= 10, `${starts}`);
  });

  it("starts nothing during a pause that was asked for", () => {
    const pace = fresh();
    pace.slowDown(0, 0, 5 * SECOND);
    assert.equal(pace.waitMs(0), 5 * SECOND);
    assert.equal(startsIn(pace, 0, 5 * SECOND - 1), 0);
    assert.ok(startsIn(pace, 5 * SECOND, SECOND) > 0);
  });

  it("owes a new far side nothing of what the former said, nor of what that one still turns away", () => {
    const pace = fresh();
    startsIn(pace, 0, 1);
    pace.slowDown(1, 0, 600 * SECOND);
    pace.startAfresh(10);
    pace.slowDown(20, 5, 600 * SECOND);
    assert.equal(startsIn(pace, 20, 1), 64);
    pace.slowDown(40, 20, SECOND);
    assert.equal(pace.waitMs(40), SECOND, "it is heard as the former was");
  });
});
