import assert from "node:assert/strict";
import { test } from "node:test";
import { bench, bindingAt, eventually, isRefusal } from "./bench.ts";

test("an answer to a call sent before the request came is never used: it names the previous owner", async (t) => {
  const { engine, workloads, bridge } = await bench(t);
  const a = engine.run({ network: bridge, ip: "172.17.0.2/16", name: "a" });
  await workloads.resolve({ address: "172.17.0.9" }).catch(() => {});
  const gate = engine.gate(/^GET \/networks\/./);
  const askedByA = workloads.resolve({ address: "172.17.0.2" });
  await eventually(() => assert.equal(gate.reached, 1, "Docker has read its state for a"));
  engine.remove(a.Id);
  engine.run({ network: bridge, ip: "172.17.0.2/16", name: "b" });
  const askedByB = workloads.resolve({ address: "172.17.0.2" });
  engine.sendContainer("die", a.Id);
  gate.open();
  await assert.rejects(askedByA, isRefusal("identity-unavailable"), "nobody is taken for a, nor a for b");
  assert.equal((await askedByB)?.workload.name, "b");
});

test("an older answer that comes late does not undo a newer one, although every event was lost", async (t) => {
  const { engine, workloads, bridge, log } = await bench(t);
  const a = engine.run({ network: bridge, ip: "172.17.0.2/16", name: "a" });
  const inspectA = engine.gate(new RegExp(`^GET /containers/${a.Id}`));
  const askedByA = workloads.resolve({ address: "172.17.0.2" });
  await eventually(() => assert.equal(inspectA.reached, 1));
  engine.remove(a.Id);
  engine.run({ network: bridge, ip: "172.17.0.2/16", name: "b" });
  const b = await bindingAt(workloads, "172.17.0.2");
  inspectA.open();
  await assert.rejects(askedByA, isRefusal("identity-unavailable"));
  assert.ok(b.isCurrent());
  assert.deepEqual(log, ["up", "bound b 172.17.0.2"]);
});

test("an older answer that comes late does not bring back what a newer one ended", async (t) => {
  const { engine, workloads, bridge, log } = await bench(t);
  const a = engine.run({ network: bridge, ip: "172.17.0.2/16", name: "a" });
  const known = await bindingAt(workloads, "172.17.0.2");
  engine.fault = (call) => (call.startsWith("GET /events") ? [500, "{}"] : undefined);
  engine.cutStreams();
  await eventually(() => assert.equal(log.at(-1), "down"));
  const inspectA = engine.gate(/^GET \/containers/);
  const slow = workloads.resolve({ address: "172.17.0.2" });
  await eventually(() => assert.equal(inspectA.reached, 1, "Docker has said that a runs there"));
  engine.remove(a.Id);
  const asked = workloads.resolve({ address: "172.17.0.2" });
  await eventually(() => assert.equal(known.isCurrent(), false, "a newer look finds that nobody has the address"));
  inspectA.open();
  await Promise.allSettled([slow, asked]);
  assert.equal(log.filter((line) => line.startsWith("bound")).length, 1);
  assert.equal(await workloads.resolve({ address: "172.17.0.2" }), undefined);
});

test("a lookup overtaken by an event of a container that stays is made again, and then right", async (t) => {
  const { engine, workloads, bridge, log, heard } = await bench(t);
  const a = engine.run({ network: bridge, ip: "172.17.0.2/16", name: "a" });
  const gate = engine.gate(/^GET \/containers/);
  const asked = workloads.resolve({ address: "172.17.0.2" });
  await eventually(() => assert.equal(gate.reached, 1));
  engine.sendContainer("die", a.Id);
  engine.restart(a.Id);
  await heard();
  gate.open();
  assert.equal((await asked)?.workload.startedAt, a.StartedAt, "the life that is, not the one that ended");
  assert.deepEqual(log, ["up", "bound a 172.17.0.2"]);
});

for (const [what, send] of [
  ["die", (engine, _bridge, id) => engine.sendContainer("die", id)],
  ["disconnect", (engine, bridge, id) => engine.sendNetwork("disconnect", bridge, id)],
  ["podman's disconnect", (engine, _bridge, id) => engine.sendPodmanNetwork("disconnect", "bridge", id)],
  ["podman 4.3's disconnect", (engine, _bridge, id) => engine.sendPodmanNetwork("disconnect", undefined, id)],
  ["the network's destroy", (engine, bridge) => engine.sendNetwork("destroy", bridge)],
] as const satisfies readonly (readonly [
  string,
  (engine: import("./fake-engine.ts").FakeEngine, bridge: string, id: string) => void,
])[]) {
  test(`a lookup that is overtaken by ${what} is thrown away and made again`, async (t) => {
    const { engine, workloads, bridge, log, heard } = await bench(t);
    const a = engine.run({ network: bridge, ip: "172.17.0.2/16", name: "a" });
    const gate = engine.gate(/^GET \/containers/);
    const asked = workloads.resolve({ address: "172.17.0.2" });
    await eventually(() => assert.equal(gate.reached, 1, "everything but the answer about the container is known"));
    engine.remove(a.Id);
    engine.run({ network: bridge, ip: "172.17.0.2/16", name: "b" });
    send(engine, bridge, a.Id);
    await heard();
    gate.open();
    await assert.rejects(asked, isRefusal("identity-unavailable"), "b did not send what came in a's time");
    assert.equal((await workloads.resolve({ address: "172.17.0.2" }))?.workload.name, "b");
    assert.deepEqual(log, ["up", "bound b 172.17.0.2"]);
  });
}

test("a container restarted elsewhere between two answers is not bound at the address it had", async (t) => {
  const { engine, workloads, bridge, log } = await bench(t);
  const a = engine.run({ network: bridge, ip: "172.17.0.2/16", name: "a" });
  const gate = engine.gate(/^GET \/containers/, "when opened");
  const asked = workloads.resolve({ address: "172.17.0.2" });
  await eventually(() => assert.equal(gate.reached, 1));
  engine.disconnect(bridge, a.Id);
  engine.connect(bridge, a.Id, { IPv4Address: "172.17.0.3/16" });
  engine.restart(a.Id);
  gate.open();
  assert.equal(await asked, undefined);
  assert.deepEqual(log, ["up"]);
});

test("a live answer that nobody has the address ends what was believed before", async (t) => {
  const { engine, workloads, bridge, log } = await bench(t);
  const a = engine.run({ network: bridge, ip: "172.17.0.2/16", name: "a" });
  const binding = await bindingAt(workloads, "172.17.0.2");
  engine.fault = (call) => (call.startsWith("GET /events") ? [500, "{}"] : undefined);
  engine.cutStreams();
  await eventually(() => assert.equal(log.at(-1), "down"));
  engine.remove(a.Id);
  assert.equal(await workloads.resolve({ address: "172.17.0.2" }), undefined);
  assert.equal(binding.isCurrent(), false);
});

test("two hundred first requests on one network at once cost a handful of calls about it", async (t) => {
  const { engine, bridge, workloads } = await bench(t);
  const addresses = Array.from({ length: 200 }, (_, i) => `172.17.1.${i + 1}`);
  for (const ip of addresses) engine.run({ network: bridge, ip: `${ip}/16`, name: ip });
  const bindings = await Promise.all(addresses.map((address) => bindingAt(workloads, address)));
  assert.deepEqual(
    bindings.map(({ workload }) => workload.name),
    addresses,
  );
  assert.ok(engine.countOf(/^GET \/networks/) <= 6, `${engine.countOf(/^GET \/networks/)} calls`);
  assert.equal(engine.countOf(/^GET \/containers/), 200);
});

test("sixty-four first connections of one container make one binding and few calls", async (t) => {
  const { engine, bridge, workloads, log } = await bench(t);
  engine.run({ network: bridge, ip: "172.17.0.2/16", name: "a" });
  const bindings = await Promise.all(Array.from({ length: 64 }, () => workloads.resolve({ address: "172.17.0.2" })));
  assert.equal(new Set(bindings).size, 1);
  assert.deepEqual(log, ["up", "bound a 172.17.0.2"]);
  assert.ok(engine.calls.length <= 12, engine.calls.join("\n"));
});

test("a thousand peers that nobody claims are held by few calls", async (t) => {
  const { engine, bridge, workloads } = await bench(t);
  const addresses = Array.from({ length: 1000 }, (_, i) => `172.17.${4 + (i >> 8)}.${i & 255}`);
  assert.deepEqual(
    new Set(await Promise.all(addresses.map((address) => workloads.resolve({ address })))),
    new Set([undefined]),
  );
  const looks = engine.countOf(new RegExp(`^GET /networks/${bridge}$`));
  assert.ok(looks <= 60, `${looks} calls`);
});

test("a container that joins a network while it is looked at is known by its networks of now at its next request", async (t) => {
  const { engine, workloads, bridge, heard } = await bench(t);
  const a = engine.run({ network: bridge, ip: "172.17.0.2/16", name: "a" });
  const gate = engine.gate(/^GET \/containers/);
  const asked = workloads.resolve({ address: "172.17.0.2" });
  await eventually(() => assert.equal(gate.reached, 1, "Docker has read its state"));
  const other = engine.addNetwork({ name: "other", subnets: ["172.18.0.0/16"] });
  engine.connect(other, a.Id, { IPv4Address: "172.18.0.2/16" });
  engine.sendNetwork("connect", other, a.Id);
  await heard();
  gate.open();
  assert.equal((await asked)?.workload.name, "a");
  assert.deepEqual((await bindingAt(workloads, "172.17.0.2")).workload.traits?.networks, ["bridge", "other"]);
});
