import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Bench, bench, bindingAt, eventually, HASTE, isRefusal } from "./bench.ts";
import type { FakeContainer } from "./fake-engine.ts";

/** A bench whose container "a" is bound at 172.17.0.2. */
async function bound(t: TestContext) {
  const made = await bench(t);
  const a = made.engine.run({ network: made.bridge, ip: "172.17.0.2/16", name: "a" });
  const binding = await bindingAt(made.workloads, "172.17.0.2");
  return { ...made, a, binding };
}

/** Waits until a request costs the Engine nothing. */
async function servedFromMemory({ engine, workloads }: Pick<Bench, "engine" | "workloads">): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const calls = engine.calls.length;
    await workloads.resolve({ address: "172.17.0.2" });
    if (engine.calls.length === calls) return;
  }
  assert.fail("it is asked for live again and again");
}

const goneNow = (made: Bench & { a: FakeContainer }): void => {
  made.engine.remove(made.a.Id);
  made.engine.run({ network: made.bridge, ip: "172.17.0.2/16", name: "b" });
};

const ENDS: readonly (readonly [string, string, (made: Bench & { a: FakeContainer }) => void])[] = [
  ["die", "the container ended", ({ engine, a }) => engine.sendContainer("die", a.Id)],
  ["died", "the container ended", ({ engine, a }) => engine.sendContainer("died", a.Id)],
  ["destroy", "the container ended", ({ engine, a }) => engine.sendContainer("destroy", a.Id)],
  ["podman's remove", "the container ended", ({ engine, a }) => engine.sendContainer("remove", a.Id)],
  [
    "disconnect",
    "the container left the network",
    ({ engine, a, bridge }) => engine.sendNetwork("disconnect", bridge, a.Id),
  ],
  [
    "podman's disconnect",
    "the container left the network",
    ({ engine, a }) => engine.sendPodmanNetwork("disconnect", "bridge", a.Id),
  ],
  [
    "podman 4.3's disconnect, which names no network,",
    "the Engine no longer gives it the address",
    ({ engine, a }) => engine.sendPodmanNetwork("disconnect", undefined, a.Id),
  ],
  ["the network's destroy", "the network was removed", ({ engine, bridge }) => engine.sendNetwork("destroy", bridge)],
];

for (const [name, reason, send] of ENDS) {
  test(`at ${name} the binding ends for good, and the address's next owner is asked for`, async (t) => {
    const made = await bound(t);
    goneNow(made);
    assert.equal(await made.nameAt("172.17.0.2"), "a", "nothing can be known before the event");
    send(made);
    await eventually(() => assert.equal(made.binding.isCurrent(), false));
    assert.equal(made.log.at(-1), `evicted a 172.17.0.2: ${reason}`);
    assert.equal(await made.nameAt("172.17.0.2"), "b");
    assert.equal(made.binding.isCurrent(), false);
    assert.equal(made.processes.open, 1, "the watch over a's process is closed");
  });
}

for (const order of [
  ["die", "disconnect", "destroy"],
  ["disconnect", "die", "destroy"],
]) {
  test(`the first of ${order.join(", ")} evicts and the others change nothing for the new owner`, async (t) => {
    const made = await bound(t);
    const { engine, bridge, a, log } = made;
    goneNow(made);
    const send = (action = "") =>
      action === "disconnect" ? engine.sendNetwork(action, bridge, a.Id) : engine.sendContainer(action, a.Id);
    send(order[0]);
    await eventually(() => assert.equal(made.binding.isCurrent(), false));
    const b = await bindingAt(made.workloads, "172.17.0.2");
    send(order[1]);
    send(order[2]);
    await made.heard();
    assert.equal(await made.workloads.resolve({ address: "172.17.0.2" }), b);
    assert.ok(b.isCurrent());
    assert.deepEqual(log.filter((line) => line.startsWith("evicted")).length, 1);
  });
}

test("a container's own late connect and start, after its first request, do not cut it off", async (t) => {
  const { engine, workloads, bridge, a, binding, log } = await bound(t);
  engine.sendNetwork("connect", bridge, a.Id);
  engine.sendContainer("start", a.Id);
  await eventually(() => assert.ok(engine.countOf(/^GET \/containers/) >= 2, "it is looked at again"));
  assert.equal(await workloads.resolve({ address: "172.17.0.2" }), binding);
  assert.deepEqual(log, ["up", "bound a 172.17.0.2"]);
  await servedFromMemory({ engine, workloads });
});

test("a start of which the end was never heard evicts the binding of the life before", async (t) => {
  const { engine, workloads, a, binding } = await bound(t);
  engine.restart(a.Id);
  engine.sendContainer("start", a.Id);
  await eventually(() => assert.equal(binding.isCurrent(), false));
  const next = await bindingAt(workloads, "172.17.0.2");
  assert.equal(next.workload.startedAt, a.StartedAt);
});

test("between a container's start and the look at it nothing is served from memory", async (t) => {
  const { engine, workloads, a, binding } = await bound(t);
  engine.restart(a.Id);
  const gate = engine.gate(/^GET \/containers\//, "when opened");
  engine.sendContainer("start", a.Id);
  await eventually(() => assert.equal(gate.reached, 1));
  const asked = bindingAt(workloads, "172.17.0.2");
  gate.open();
  assert.notEqual(await asked, binding);
  assert.equal((await asked).workload.startedAt, a.StartedAt);
});

test("a connect to its network finds that an address went to the newcomer while the disconnect was lost", async (t) => {
  const { engine, bridge, a, binding, nameAt } = await bound(t);
  engine.disconnect(bridge, a.Id);
  const b = engine.run({ network: bridge, ip: "172.17.0.2/16", name: "b" });
  engine.sendNetwork("connect", bridge, b.Id);
  await eventually(() => assert.equal(binding.isCurrent(), false));
  assert.equal(await nameAt("172.17.0.2"), "b");
});

test("a connect that makes an address contested ends the binding: neither is served", async (t) => {
  const { engine, workloads, bridge, binding } = await bound(t);
  const b = engine.run({ network: bridge, ip: "172.17.0.2/16", name: "b" });
  engine.sendNetwork("connect", bridge, b.Id);
  await eventually(() => assert.equal(binding.isCurrent(), false));
  await assert.rejects(workloads.resolve({ address: "172.17.0.2" }), isRefusal("contested-peer"));
});

test("a process that ended ends its binding although every event was lost", async (t) => {
  const made = await bound(t);
  goneNow(made);
  made.processes.dead.add(made.a.Pid);
  assert.equal(made.binding.isCurrent(), false);
  made.processes.dead.clear();
  assert.equal(made.binding.isCurrent(), false, "for good");
  assert.equal(await made.nameAt("172.17.0.2"), "b");
  assert.ok(made.log.includes("evicted a 172.17.0.2: its process ended"));
});

test("a network created is looked at from then on, also where its subnet overlaps a known one", async (t) => {
  const { engine, workloads, bridge, heard } = await bound(t);
  const odd = engine.addNetwork({ name: "odd", driver: "plugin", subnets: ["172.17.3.0/24"] });
  engine.run({ network: odd, ip: "172.17.3.2/24", name: "one" });
  engine.run({ network: bridge, ip: "172.17.3.2/16", name: "two" });
  engine.sendNetwork("create", odd);
  await heard();
  await assert.rejects(workloads.resolve({ address: "172.17.3.2" }), isRefusal("contested-peer"));
});

test("each container that starts is told of by its process, also one that has no address", async (t) => {
  const { engine, running } = await bench(t);
  const host = engine.addNetwork({ name: "host", driver: "host" });
  const container = engine.run({ network: host, name: "on-host" });
  const stopped = engine.run({ network: host, name: "stopped", running: false });
  for (const { Id } of [stopped, container]) engine.sendContainer("start", Id);
  await eventually(() => assert.deepEqual(running, [container.Pid]));
});

test("a rename decides nothing", async (t) => {
  const { engine, workloads, a, binding, log, heard } = await bound(t);
  a.Name = "/root-of-all";
  engine.sendContainer("rename", a.Id);
  await heard();
  assert.equal(await workloads.resolve({ address: "172.17.0.2" }), binding);
  assert.deepEqual(log, ["up", "bound a 172.17.0.2"]);
});

test("leaving one network keeps the address on the other, and rules by network judge it by what is left", async (t) => {
  const { engine, bridge, a, workloads, binding, log } = await bound(t);
  const other = engine.addNetwork({ name: "other", subnets: ["172.18.0.0/16"] });
  engine.connect(other, a.Id, { IPv4Address: "172.18.0.2/16" });
  const second = await bindingAt(workloads, "172.18.0.2");
  assert.deepEqual(second.workload.traits?.networks, ["bridge", "other"]);
  engine.disconnect(bridge, a.Id);
  engine.sendNetwork("disconnect", bridge, a.Id);
  await eventually(() => assert.equal(binding.isCurrent(), false));
  await eventually(() => assert.deepEqual(second.workload.traits?.networks, ["other"]));
  assert.equal(await workloads.resolve({ address: "172.18.0.2" }), second, "no connection is cut");
  assert.equal(log.filter((line) => line === "bound a 172.18.0.2").length, 2, "whoever keeps its session is told");
  assert.equal(await workloads.resolve({ address: "172.17.0.2" }), undefined);
});

test("joining a network makes it known at every address the container had before, unasked, and nothing else does", async (t) => {
  const { engine, a, workloads, binding, log, heard } = await bound(t);
  engine.sendContainer("start", a.Id);
  await heard();
  assert.equal(await workloads.resolve({ address: "172.17.0.2" }), binding, "looked at again, it is what it was");
  const other = engine.addNetwork({ name: "other", subnets: ["172.18.0.0/16"] });
  engine.connect(other, a.Id, { IPv4Address: "172.18.0.2/16" });
  engine.sendNetwork("connect", other, a.Id);
  await eventually(() => assert.deepEqual(binding.workload.traits?.networks, ["bridge", "other"]));
  await eventually(() => assert.ok(log.includes("bound a 172.18.0.2"), log.join()));
  assert.ok(!log.some((line) => line.startsWith("evicted")), "no connection is cut");
  const calls = engine.calls.length;
  for (const address of ["172.17.0.2", "172.18.0.2"])
    assert.deepEqual((await bindingAt(workloads, address)).workload.traits?.networks, ["bridge", "other"]);
  assert.equal(engine.calls.length, calls, "both are bound before anybody asks");
});

test("after events were lost, too, a container is judged by the networks it is on now", async (t) => {
  const { engine, a, binding, log, waitForStream } = await bound(t);
  engine.fault = (call) => (call.startsWith("GET /events") ? [500, "{}"] : undefined);
  engine.cutStreams();
  await eventually(() => assert.equal(log.at(-1), "down"));
  const other = engine.addNetwork({ name: "other", subnets: ["172.18.0.0/16"] });
  engine.connect(other, a.Id, { IPv4Address: "172.18.0.2/16" });
  engine.fault = undefined;
  await waitForStream();
  await eventually(() => assert.deepEqual(binding.workload.traits?.networks, ["bridge", "other"]));
  assert.ok(binding.isCurrent());
});

test("docker_gwbridge is left without an event: the disconnect from another network tells", async (t) => {
  const { engine, workloads } = await bench(t);
  const gwbridge = engine.addNetwork({ name: "docker_gwbridge", subnets: ["172.28.0.0/16"] });
  const overlay = engine.addNetwork({ name: "swarm", driver: "overlay", subnets: ["10.0.1.0/24"] });
  const task = engine.run({ network: overlay, ip: "10.0.1.2/24", name: "task" });
  engine.connect(gwbridge, task.Id, { IPv4Address: "172.28.0.3/16" });
  const binding = await bindingAt(workloads, "172.28.0.3");
  engine.disconnect(gwbridge, task.Id);
  engine.sendNetwork("disconnect", overlay, task.Id);
  await eventually(() => assert.equal(binding.isCurrent(), false));
});

test("a hundred bindings of containers that came and went leave nothing behind", async (t) => {
  const { engine, workloads, bridge, processes, log } = await bench(t);
  for (let i = 0; i < 100; i += 1) {
    const { Id } = engine.run({ network: bridge, ip: "172.17.0.2/16", name: "short" });
    const binding = await bindingAt(workloads, "172.17.0.2");
    engine.remove(Id);
    engine.sendContainer("die", Id);
    await eventually(() => assert.equal(binding.isCurrent(), false));
  }
  assert.equal(processes.open, 0);
  assert.equal(log.filter((line) => line.startsWith("evicted")).length, 100);
});

test("on a network of a thousand, a start costs one call about that container, and one list of networks in all", async (t) => {
  const { engine, bridge, log, heard } = await bench(t);
  for (let i = 0; i < 1_000; i += 1) engine.run({ network: bridge, ip: `172.17.${4 + (i >> 8)}.${i & 255}/16` });
  const newcomers = [2, 3, 4].map((n) => engine.run({ network: bridge, ip: `172.17.0.${n}/16`, name: `n${n}` }));
  for (const { Id } of newcomers) {
    engine.sendNetwork("connect", bridge, Id);
    await heard();
    engine.sendContainer("start", Id);
    await eventually(() => assert.ok(log.some((line) => line.startsWith("bound n"))));
  }
  await eventually(() => assert.equal(log.filter((line) => line.startsWith("bound n")).length, 3));
  assert.equal(engine.countOf(/^GET \/networks\//), 0, "no list of all containers of a network");
  assert.equal(engine.countOf(/^GET \/networks$/), 1);
  assert.ok(engine.countOf(/^GET \/containers\//) <= 6, `${engine.countOf(/^GET \/containers\//)} inspects`);
});

test("its own start, after its first request, is made sure of without the list of its network", async (t) => {
  const { engine, a, binding, workloads } = await bound(t);
  engine.fault = (call) => (call.startsWith("GET /networks/") ? [500, "{}"] : undefined);
  engine.sendContainer("start", a.Id);
  await eventually(() => assert.equal(engine.countOf(/^GET \/containers/), 2));
  await servedFromMemory({ engine, workloads });
  assert.ok(binding.isCurrent());
});

test("while an address that a newcomer claims is looked at, its known owner is not served from memory", async (t) => {
  const { engine, bridge, a, workloads, binding } = await bound(t);
  engine.disconnect(bridge, a.Id);
  const b = engine.run({ network: bridge, ip: "172.17.0.2/16", name: "b" });
  const gate = engine.gate(/^GET \/networks\//, "when opened");
  engine.sendContainer("start", b.Id);
  await eventually(() => assert.equal(gate.reached, 1));
  const asked = workloads.resolve({ address: "172.17.0.2" });
  gate.open();
  assert.notEqual(await asked, binding);
});

test("where two networks have the address's range, a newcomer's own word does not settle it", async (t) => {
  const { engine, workloads, log, heard } = await bench(t);
  const [one, two] = ["one", "two"].map((name) => engine.addNetwork({ name, subnets: ["10.5.0.0/16"] }));
  assert.ok(one && two);
  const first = engine.run({ network: one, ip: "10.5.0.2/16", name: "first" });
  engine.run({ network: two, ip: "10.5.0.2/16", name: "second" });
  engine.sendContainer("start", first.Id);
  await heard();
  await eventually(() => assert.ok(engine.countOf(/^GET \/networks\//) >= 2));
  await assert.rejects(workloads.resolve({ address: "10.5.0.2" }), isRefusal("contested-peer"));
  assert.deepEqual(log, ["up"]);
});

test("a container that is made is told of with its role, before it has an address", async (t) => {
  const { engine, bridge, log } = await bench(t);
  const made = engine.run({ network: bridge, name: "soon", running: false, labels: { "taskrole.role": "reader" } });
  engine.sendContainer("create", made.Id);
  await eventually(() => assert.deepEqual(log, ["up", "created soon (reader)"]));
});

test("events that come late put every binding in doubt until they come in time again", async (t) => {
  const { engine, workloads, bridge, log, waitForStream } = await bench(t, { lateEventMs: 30_000 });
  const a = engine.run({ network: bridge, ip: "172.17.0.2/16", name: "a" });
  const binding = await bindingAt(workloads, "172.17.0.2");
  const { now } = engine;
  await delay(30_000 / HASTE + 100); // what is older than the subscription is not late
  engine.now = () => now() - 60_000;
  engine.sendContainer("rename", a.Id);
  await eventually(() => assert.ok(log.includes("down")));
  const asked = engine.countOf(/^GET \/networks\//);
  assert.equal(await workloads.resolve({ address: "172.17.0.2" }), binding);
  assert.equal(engine.countOf(/^GET \/networks\//), asked + 1, "asked live");
  engine.now = now;
  await waitForStream();
  await servedFromMemory({ engine, workloads });
});
