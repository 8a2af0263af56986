import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { EngineEvent, EventQuery } from "../../src/docker/engine.ts";
import { EventStream } from "../../src/docker/event-stream.ts";

const die: EngineEvent = { type: "container", action: "die", actorId: "c", attributes: {}, happenedAt: undefined };

/** An Engine that gives each subscription what the script says, and a clock that only pauses move. */
function script(...attempts: (() => AsyncIterable<EngineEvent>)[]) {
  const log: string[] = [];
  const pauses: number[] = [];
  const queries: EventQuery[] = [];
  const done = Promise.withResolvers<void>();
  const clock = { now: 1_700_000_000_900 };
  const stream = new EventStream({
    engine: {
      events: async (query) => {
        queries.push(query);
        const attempt = attempts.shift();
        if (attempt) return attempt();
        done.resolve();
        return await new Promise(() => {});
      },
    },
    listener: {
      onUp: () => void log.push("up"),
      onDown: (reason) => void log.push(`down: ${reason}`),
      onChange: ({ kind }) => void log.push(kind),
    },
    now: () => clock.now,
    lateMs: 2_000,
    sleep: async (ms) => {
      pauses.push(ms);
      clock.now += ms;
      await setImmediate();
    },
  });
  return { stream, log, pauses, queries, clock, done: done.promise };
}

const failing = (message: string) => (): never => {
  throw new Error(message);
};

async function* give(...events: EngineEvent[]): AsyncGenerator<EngineEvent> {
  yield* events;
}

test("each change is told between up and down, and the subscription is taken out again", async () => {
  const { stream, log, done } = script(
    () => give(die, { ...die, action: "exec_die" }, die),
    () => give(die),
  );
  await stream.start();
  await done;
  const end = "down: the Engine ended its stream of events";
  assert.deepEqual(log, ["up", "container-ended", "container-ended", end, "up", "container-ended", end]);
  await stream.stop();
});

test("start resolves after a first attempt that failed, and after one that holds", async () => {
  const failed = script(failing("no Docker"));
  await failed.stream.start();
  assert.deepEqual(failed.log, ["down: no Docker"]);
  await failed.stream.stop();
  const holding = script(async function* () {
    await new Promise(() => {});
  });
  await holding.stream.start();
  assert.deepEqual(holding.log, ["up"]);
});

test("one reason is told once while it lasts, another anew, and the same again after an up", async () => {
  const { stream, log, done } = script(
    failing("a"),
    failing("a"),
    failing("b"),
    () => {
      throw new Error("b");
    },
    () => give(),
    failing("b"),
  );
  await stream.start();
  await done;
  assert.deepEqual(log, ["down: a", "down: b", "up", "down: the Engine ended its stream of events", "down: b"]);
  await stream.stop();
});

test("pauses double up to five seconds, also when the stream comes up only to break at once", async () => {
  const { stream, pauses, done } = script(
    ...Array.from({ length: 8 }, (_, i) => (i % 2 ? failing("x") : () => give())),
  );
  await stream.start();
  await done;
  assert.deepEqual(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  await stream.stop();
});

test("a stream that held for long begins the pauses anew", async () => {
  const { stream, pauses, clock, done } = script(failing("x"), failing("x"), async function* () {
    yield die;
    clock.now += 60_000;
  });
  await stream.start();
  await done;
  assert.deepEqual(pauses, [100, 200, 100]);
  await stream.stop();
});

test("the Engine is asked to repeat what happened while it was subscribing us", async () => {
  const { stream, queries, done } = script(failing("x"));
  await stream.start();
  await done;
  assert.deepEqual(
    queries.map(({ sinceSeconds }) => sinceSeconds),
    [1_700_000_000, 1_700_000_001],
  );
  assert.deepEqual(queries[0]?.types, ["container", "network"]);
  await stream.stop();
});

test("stop ends an attempt that hangs, and tells of no outage", async () => {
  const { stream, log, done } = script();
  void stream.start();
  await done;
  await stream.stop();
  assert.deepEqual(log, []);
});

/** A stream whose events are given one by one, and pauses that end when the test says so. */
async function held() {
  const log: string[] = [];
  const given: PromiseWithResolvers<EngineEvent>[] = [Promise.withResolvers()];
  const pauses: { ms: number; end: () => void }[] = [];
  const clock = { now: 90_000 };
  const stream = new EventStream({
    engine: {
      events: async () =>
        (async function* () {
          for (let i = 0; ; i++) yield await (given[i] ?? assert.fail()).promise;
        })(),
    },
    listener: {
      onUp: () => void log.push("up"),
      onDown: (reason) => void log.push(`down: ${reason}`),
      onChange: ({ kind }) => void log.push(kind),
    },
    now: () => clock.now,
    lateMs: 2_000,
    sleep: (ms) => new Promise((end) => void pauses.push({ ms, end })),
  });
  await stream.start();
  clock.now += 10_000;
  const tell = async (lateMs: number): Promise<void> => {
    const next = given.at(-1) ?? assert.fail();
    given.push(Promise.withResolvers());
    next.resolve({ ...die, happenedAt: clock.now - lateMs });
    await setImmediate();
  };
  const endPause = async (): Promise<void> => {
    pauses.shift()?.end();
    await setImmediate();
  };
  return { stream, log, pauses, clock, tell, endPause, fail: (error: Error) => given.at(-1)?.reject(error) };
}

const LATE = "down: the Engine's events come late";

test("an event that comes late is told, and nothing is trusted until a second has passed without another", async () => {
  const { log, pauses, tell, endPause } = await held();
  await tell(2_000);
  await tell(2_001);
  await tell(9_000);
  assert.deepEqual(log, ["up", "container-ended", LATE, "container-ended", "container-ended"]);
  await endPause();
  assert.equal(log.at(-1), "container-ended", "the pause of the first does not end that of the second");
  assert.equal(pauses[0]?.ms, 1_000);
  await endPause();
  assert.equal(log.at(-1), "up");
  await tell(0);
  await tell(5_000);
  assert.deepEqual(log.slice(-3), ["container-ended", LATE, "container-ended"]);
});

test("what happened before the subscription is repeated, not late, unless that takes long too", async () => {
  const { log, clock, tell } = await held();
  clock.now -= 8_000;
  await tell(60_000);
  assert.deepEqual(log, ["up", "container-ended"]);
  clock.now += 1;
  await tell(60_000);
  assert.deepEqual(log.slice(2), [LATE, "container-ended"]);
});

test("a stream that breaks while it is behind is not up by having caught up", async () => {
  const { log, tell, endPause, fail } = await held();
  await tell(5_000);
  fail(new Error("cut"));
  await setImmediate();
  await endPause();
  assert.deepEqual(log, ["up", LATE, "container-ended", "down: cut"]);
});
