import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Pace } from "../../src/kit/pace.ts";
import { PacedLanes } from "../../src/kit/paced-lanes.ts";
import { VirtualTime } from "../support/virtual-time.ts";

/** Ten a second, one at once after a rest; each task takes as long as the test says. */
function bench({ atOnce = 100, perSecond = 10, burst = 1, taskMs = 0 } = {}) {
  const time = new VirtualTime();
  const pace = new Pace({ perSecond, burst, slowestPerSecond: 1, recoverMs: 60_000 });
  const lanes = new PacedLanes({ lanes: ["first", "second", "third"] as const, pace, atOnce, ...time });
  const started: string[] = [];
  let running = 0;
  let mostRunning = 0;
  const run = (key: string, lane: "first" | "second" | "third") =>
    lanes.run(key, lane, async () => {
      started.push(key);
      running += 1;
      mostRunning = Math.max(mostRunning, running);
      await time.sleep(taskMs);
      running -= 1;
      return key;
    });
  return { time, lanes, run, started, mostRunning: () => mostRunning };
}

describe("PacedLanes", () => {
  it("starts at once what the pace lets, and gives back what the task does", async () => {
    const { time, run } = bench();
    const task = run("a", "third");
    await time.pass(0);
    assert.equal(await task, "a");
  });

  it("takes from the first lane that holds any, in each first come, first served", async () => {
    const { time, run, started } = bench();
    for (const [key, lane] of [
      ["now", "third"],
      ["c1", "third"],
      ["b1", "second"],
      ["c2", "third"],
      ["a1", "first"],
      ["b2", "second"],
      ["a2", "first"],
    ] as const)
      void run(key, lane);
    await time.pass(1_000);
    assert.deepEqual(started, ["now", "a1", "a2", "b1", "b2", "c1", "c2"]);
  });

  it("does not go faster than the pace", async () => {
    const { time, run, started } = bench();
    for (let i = 0; i < 100; i += 1) void run(`${i}`, "first");
    await time.pass(5_000);
    assert.ok(started.length >= 48 && started.length <= 51, `${started.length}`);
  });

  it("has no more under way at once than it may, and goes on when one has failed", async () => {
    const { time, run, lanes, started, mostRunning } = bench({ atOnce: 3, perSecond: 1_000, burst: 50, taskMs: 100 });
    const failing = lanes.run("bad", "first", () => Promise.reject(new Error("it fails")));
    for (let i = 0; i < 10; i += 1) void run(`${i}`, "first");
    await assert.rejects(failing, /it fails/);
    await time.pass(1_000);
    assert.equal(started.length, 10);
    assert.equal(mostRunning(), 3);
  });

  it("lets one that waits be hurried: it goes to the end of the first lane", async () => {
    const { time, run, lanes, started } = bench();
    for (const key of ["now", "c1", "c2", "c3"]) void run(key, "third");
    void run("a1", "first");
    lanes.hurry("c3");
    lanes.hurry("a1");
    lanes.hurry("nobody");
    await time.pass(1_000);
    assert.deepEqual(started, ["now", "a1", "c3", "c1", "c2"]);
  });
});
