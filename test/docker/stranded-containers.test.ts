import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { EngineClient } from "../../src/docker/engine-client.ts";
import { EventStream } from "../../src/docker/event-stream.ts";
import { StrandedContainers } from "../../src/docker/stranded-containers.ts";
import { eventually } from "./bench.ts";
import { FakeEngine } from "./fake-engine.ts";

const HASTE = 20;
const sleep = async (ms: number, signal?: AbortSignal): Promise<void> =>
  void (await delay(ms / HASTE, undefined, { ...(signal && { signal }) }));

/** An Engine with a network that leads out and one that does not, heard by the listener under test alone. */
async function setting(t: TestContext, before: (engine: FakeEngine, inside: string) => void = () => {}) {
  const engine = new FakeEngine();
  const bridge = engine.addNetwork({ name: "bridge", subnets: ["172.17.0.0/16"] });
  const inside = engine.addNetwork({ name: "inside", subnets: ["172.18.0.0/16"] });
  await engine.listen();
  before(engine, inside);
  const log: string[] = [];
  const unknown = new Set<number>();
  const isOnBridge = (id: string): boolean => engine.networks.get(bridge)?.Containers.has(id) ?? false;
  const client = new EngineClient({ endpoint: engine.endpoint });
  const nameOf = (id: string): string | undefined => engine.containers.get(id)?.Name;
  const stranded = new StrandedContainers({
    engine: client,
    sleep,
    hasWayOut: (pid, id) => (unknown.has(pid) ? undefined : isOnBridge(id)),
    events: {
      onStranded: ({ name, networks }) => void log.push(`stranded ${name} on ${networks.join()}`),
      onRescued: (id) => void log.push(`rescued ${nameOf(id) ?? "one that is gone"}`),
    },
  });
  const stream = new EventStream({ engine: client, listener: stranded, now: Date.now, sleep, lateMs: 1e12 });
  await stream.start();
  t.after(async () => {
    stranded.stop();
    await stream.stop();
    await engine.destroy();
  });
  await eventually(() => assert.equal(engine.subscribers, 1));
  const quiet = () => delay(4_000 / HASTE);
  return { engine, bridge, inside, log, unknown, stranded, quiet };
}

test("a container that starts on a network without a way out is told of, and no more when it ends", async (t) => {
  const { engine, inside, log } = await setting(t);
  const { Id } = engine.run({ network: inside, ip: "172.18.0.2/16", name: "db" });
  engine.sendContainer("start", Id);
  await eventually(() => assert.deepEqual(log, ["stranded db on inside"]));
  engine.sendContainer("die", Id);
  await eventually(() => assert.deepEqual(log.slice(1), ["rescued /db"]));
});

test("a container with a second network that leads out is not told of, nor one without any address, nor a guest", async (t) => {
  const { engine, bridge, inside, log, quiet } = await setting(t);
  const both = engine.run({ network: inside, ip: "172.18.0.2/16", name: "both" });
  engine.connect(bridge, both.Id, { IPv4Address: "172.17.0.2/16" });
  const hermit = engine.run({ network: inside, name: "hermit" });
  const guest = engine.run({ network: inside, ip: "172.18.0.3/16", name: "guest", guestOf: hermit.Id });
  const dead = engine.run({ network: inside, ip: "172.18.0.4/16", name: "dead", running: false });
  for (const { Id } of [both, hermit, guest, dead]) engine.sendContainer("start", Id);
  await quiet();
  assert.deepEqual(log, []);
});

test("of a process that cannot be seen nothing is said", async (t) => {
  const { engine, inside, log, unknown, quiet } = await setting(t);
  const { Id, Pid } = engine.run({ network: inside, ip: "172.18.0.2/16" });
  unknown.add(Pid);
  engine.sendContainer("start", Id);
  await quiet();
  assert.deepEqual(log, []);
});

test("a network connected later ends it, and begins it when left", async (t) => {
  const { engine, bridge, inside, log, quiet } = await setting(t);
  await quiet(); // the look at all, of the beginning
  const { Id } = engine.run({ network: inside, ip: "172.18.0.2/16", name: "db" });
  engine.sendContainer("start", Id);
  await eventually(() => assert.equal(log.length, 1));
  engine.connect(bridge, Id, { IPv4Address: "172.17.0.2/16" });
  engine.sendNetwork("connect", bridge, Id);
  await eventually(() => assert.deepEqual(log.slice(1), ["rescued /db"]));
  engine.disconnect(bridge, Id);
  engine.sendNetwork("disconnect", bridge, Id);
  await eventually(() => assert.deepEqual(log.slice(2), ["stranded db on inside"]));
});

test("one that ran before the daemon, or started while its events were lost, is found, and one that went is forgotten", async (t) => {
  const { engine, inside, log } = await setting(t, (fake, network) =>
    fake.run({ network, ip: "172.18.0.2/16", name: "early" }),
  );
  await eventually(() => assert.deepEqual(log, ["stranded early on inside"]));
  engine.cutStreams();
  for (const id of [...engine.containers.keys()]) engine.remove(id);
  engine.run({ network: inside, ip: "172.18.0.3/16", name: "late" });
  await eventually(() => assert.deepEqual(log.slice(1), ["rescued one that is gone", "stranded late on inside"]));
});

test("many events of one container are one look, and a daemon that stops looks no more", async (t) => {
  const { engine, inside, log, stranded, quiet } = await setting(t);
  const { Id } = engine.run({ network: inside, ip: "172.18.0.2/16", name: "db" });
  for (let i = 0; i < 10; i += 1) engine.sendNetwork("connect", inside, Id);
  await eventually(() => assert.equal(log.length, 1));
  await quiet();
  assert.ok(engine.countOf(/^GET \/containers/) <= 3, engine.calls.join("\n"));
  engine.sendContainer("start", Id);
  stranded.stop();
  const calls = engine.calls.length;
  await quiet();
  assert.equal(engine.calls.length, calls);
});
