import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { AtMost } from "../../src/kit/at-most.ts";

test("no more than the limit run at a time, in the order they came, also when some fail", async () => {
  const limit = new AtMost(3);
  let running = 0;
  let most = 0;
  const begun: number[] = [];
  const task = (i: number) => async () => {
    begun.push(i);
    running += 1;
    most = Math.max(most, running);
    await setImmediate();
    running -= 1;
    if (i % 4 === 0) throw new Error("failed");
    return i;
  };
  const order = Array.from({ length: 20 }, (_, i) => i);
  const results = await Promise.allSettled(order.map((i) => limit.run(task(i))));
  assert.equal(most, 3);
  assert.deepEqual(begun, order);
  assert.equal(results.filter(({ status }) => status === "rejected").length, 5);
  assert.equal(await limit.run(task(1)), 1, "every place was given back");
});
