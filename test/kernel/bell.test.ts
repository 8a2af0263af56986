import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Bell } from "../../src/kernel/bell.ts";

const LONG_MS = 60_000;

/** Whether a wait has ended, without waiting for it. */
async function hasEnded(wait: Promise<unknown>): Promise<boolean> {
  let ended = false;
  void wait.then(() => {
    ended = true;
  });
  await turn();
  return ended;
}

test("a ring wakes the one who waits", async () => {
  const bell = new Bell();
  const wait = bell.wait(LONG_MS, new AbortController().signal);
  assert.equal(await hasEnded(wait), false);
  bell.ring();
  assert.equal(await hasEnded(wait), true);
});

test("rings while nobody waits wake the next one at once, and only that one", async () => {
  const bell = new Bell();
  const abort = new AbortController();
  bell.ring();
  bell.ring();
  await bell.wait(LONG_MS, abort.signal);
  const next = bell.wait(LONG_MS, abort.signal);
  assert.equal(await hasEnded(next), false);
  abort.abort();
  await next;
});

test("without a ring the time ends the wait", async () => {
  await new Bell().wait(1, new AbortController().signal);
});

test("whoever waited is told whether it rang", async () => {
  const bell = new Bell();
  const { signal } = new AbortController();
  assert.equal(await bell.wait(1, signal), false);
  bell.ring();
  assert.equal(await bell.wait(LONG_MS, signal), true);
  assert.equal(await bell.wait(1, signal), false);
});

test("an abort ends the wait, now or before it began", async () => {
  const abort = new AbortController();
  const wait = new Bell().wait(LONG_MS, abort.signal);
  abort.abort();
  await wait;
  await new Bell().wait(LONG_MS, abort.signal);
});
