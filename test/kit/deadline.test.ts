import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TIMED_OUT, withDeadline } from "../../src/kit/deadline.ts";

const never = (_ms: number, signal?: AbortSignal) =>
  new Promise<void>((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
const atOnce = () => Promise.resolve();

describe("withDeadline", () => {
  it("gives the task's result when it comes in time, and lets go of the timer", async () => {
    let aborted = false;
    const sleep = (ms: number, signal?: AbortSignal) => {
      signal?.addEventListener("abort", () => (aborted = true));
      return never(ms, signal);
    };
    assert.equal(await withDeadline(Promise.resolve(7), 5, sleep), 7);
    assert.equal(aborted, true);
  });

  it("passes on the task's failure", async () => {
    await assert.rejects(withDeadline(Promise.reject(new Error("no")), 5, never), /no/);
  });

  it("says so when time is up; a failure that comes later is nobody's unhandled rejection", async () => {
    let fail = (_: Error): void => {};
    const task = new Promise((_resolve, reject) => (fail = reject));
    assert.equal(await withDeadline(task, 5, atOnce), TIMED_OUT);
    fail(new Error("late"));
    await new Promise(setImmediate);
  });
});
