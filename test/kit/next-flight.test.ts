import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { NextFlight } from "../../src/kit/next-flight.ts";

/** Calls that land when the test says so. */
function airport() {
  const flights = new NextFlight<string>();
  const sent: PromiseWithResolvers<string>[] = [];
  const ask = (key = "k") =>
    flights.run(key, () => {
      const flight = Promise.withResolvers<string>();
      sent.push(flight);
      return flight.promise;
    });
  return { ask, sent };
}

test("nobody joins a call sent before he came; all who came meanwhile share the next one", async () => {
  const { ask, sent } = airport();
  const first = ask();
  const late = [ask(), ask(), ask()];
  assert.equal(sent.length, 1);
  sent[0]?.resolve("old");
  await setImmediate();
  assert.equal(sent.length, 2);
  const latest = ask();
  sent[1]?.resolve("new");
  assert.deepEqual(await Promise.all([first, ...late]), ["old", "new", "new", "new"]);
  await setImmediate();
  sent[2]?.resolve("newest");
  assert.equal(await latest, "newest");
  assert.equal(sent.length, 3);
});

test("once all have landed the next caller's call is sent at once", async () => {
  const { ask, sent } = airport();
  for (const answer of ["one", "two"]) {
    const asked = ask();
    sent.at(-1)?.resolve(answer);
    assert.equal(await asked, answer);
  }
});

test("a failure is for those who shared the call only", async () => {
  const { ask, sent } = airport();
  const first = ask();
  const second = ask();
  sent[0]?.reject(new Error("down"));
  await assert.rejects(first, /down/);
  await setImmediate();
  sent[1]?.resolve("up");
  assert.equal(await second, "up");
});

test("different keys fly at the same time", () => {
  const { ask, sent } = airport();
  void ask("a");
  void ask("b");
  assert.equal(sent.length, 2);
});
