import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { bench, bindingAt, eventually, isRefusal } from "./bench.ts";

test("another tool's words are read when a container is made and when it asks", async (t) => {
  const dialect = { places: { role: { labels: ["old.role"], variables: [] } }, variables: new Set<string>() };
  const { engine, workloads, bridge, log, heard } = await bench(t, { dialect });
  const { Id } = engine.run({ network: bridge, ip: "172.17.0.2/16", name: "web", labels: { "old.role": "reader" } });
  engine.sendContainer("create", Id);
  await heard();
  await eventually(() => assert.ok(log.includes("created web (reader)"), log.join()));
  const { workload } = await bindingAt(workloads, "172.17.0.2");
  assert.deepEqual(workload.roleClaim, { text: "reader", place: "label old.role" });
});

test("a container is known by its address, with its role and its life", async (t) => {
  const { engine, workloads, bridge, log } = await bench(t);
  const web = engine.run({ network: bridge, ip: "172.17.0.2/16", name: "web", labels: { "taskrole.role": "reader" } });
  const binding = await bindingAt(workloads, "172.17.0.2");
  const { traits, ...workload } = binding.workload;
  assert.deepEqual([traits?.image, traits?.networks], ["busybox", ["bridge"]]);
  assert.deepEqual(workload, {
    id: web.Id,
    name: "web",
    startedAt: web.StartedAt,
    roleClaim: { text: "reader", place: "label taskrole.role" },
  });
  assert.equal(binding.address, "172.17.0.2");
  assert.deepEqual(binding.network, { id: bridge, name: "bridge" });
  assert.ok(binding.isCurrent());
  assert.deepEqual(log, ["up", "bound web 172.17.0.2"]);
});

test("a known address is answered without asking Docker anything", async (t) => {
  const { engine, workloads, bridge } = await bench(t);
  engine.run({ network: bridge, ip: "172.17.0.2/16" });
  const first = await bindingAt(workloads, "172.17.0.2");
  const calls = engine.calls.length;
  for (let i = 0; i < 100; i += 1) assert.equal(await workloads.resolve({ address: "172.17.0.2" }), first);
  assert.equal(engine.calls.length, calls);
});

test("an address outside every Docker subnet is nobody's at once, after one fresh list", async (t) => {
  const { engine, workloads, bridge } = await bench(t);
  engine.run({ network: bridge, ip: "172.17.0.2/16" });
  await workloads.resolve({ address: "172.17.0.2" });
  const before = engine.calls.length;
  assert.equal(await workloads.resolve({ address: "10.9.8.7" }), undefined);
  assert.deepEqual(engine.calls.slice(before), ["GET /networks"]);
  assert.equal(await workloads.resolve({ address: "no address" }), undefined);
});

test("an address in a Docker subnet that nobody comes to claim is held for three seconds, then nobody's", async (t) => {
  const { engine, workloads, bridge } = await bench(t);
  const begun = performance.now();
  assert.equal(await workloads.resolve({ address: "172.17.0.99" }), undefined);
  const heldMs = (performance.now() - begun) * 20;
  assert.ok(heldMs >= 3_000, `held ${heldMs} ms only`);
  const looks = engine.countOf(new RegExp(`^GET /networks/${bridge}$`));
  assert.ok(looks >= 5 && looks <= 15, `${looks} looks`);
});

test("a request that comes before Docker lists its container is held until it does", async (t) => {
  const { engine, bridge, nameAt } = await bench(t);
  const asked = nameAt("172.17.0.5");
  await eventually(() => assert.ok(engine.countOf(/^GET \/networks\/./) >= 2));
  engine.run({ network: bridge, ip: "172.17.0.5/16", name: "late" });
  assert.equal(await asked, "late");
});

test("a container that is listed but not running yet is waited for, also when its inspect blocks", async (t) => {
  const { engine, bridge, nameAt } = await bench(t);
  const slow = engine.run({ network: bridge, ip: "172.17.0.2/16", name: "slow", running: false });
  const inspect = engine.gate(/^GET \/containers/, "when opened");
  const asked = nameAt("172.17.0.2");
  await eventually(() => assert.equal(inspect.reached, 1));
  inspect.open();
  await eventually(() => assert.ok(engine.countOf(/^GET \/containers/) >= 2));
  engine.restart(slow.Id);
  assert.equal(await asked, "slow");
});

test("a container that is listed and not found by its id, as in the moment of its creation, is asked for again", async (t) => {
  const { engine, bridge, nameAt } = await bench(t);
  const early = engine.run({ network: bridge, ip: "172.17.0.2/16", name: "early" });
  engine.containers.delete(early.Id);
  const asked = nameAt("172.17.0.2");
  await eventually(() => assert.ok(engine.countOf(/^GET \/containers/) >= 2));
  engine.containers.set(early.Id, early);
  assert.equal(await asked, "early");
});

test("a container that never comes to run is a refusal, not an unknown peer", async (t) => {
  const { engine, workloads, bridge } = await bench(t);
  engine.run({ network: bridge, ip: "172.17.0.2/16", running: false });
  await assert.rejects(workloads.resolve({ address: "172.17.0.2" }), isRefusal("identity-unavailable"));
});

test("a container between two tries of its restart policy, running without a process, is nobody", async (t) => {
  const { engine, workloads, bridge } = await bench(t);
  engine.run({ network: bridge, ip: "172.17.0.2/16" }).Pid = 0;
  await assert.rejects(workloads.resolve({ address: "172.17.0.2" }), isRefusal("identity-unavailable"));
});

test("with podman, a container in another's network that cannot be read costs that one its address, and nobody else", async (t) => {
  const { engine, workloads, nameAt } = await bench(t);
  const podman = engine.addNetwork({ name: "podman", subnets: ["10.88.0.0/16"] });
  const host = engine.run({ network: podman, ip: "10.88.0.5/16", name: "host" });
  engine.run({ network: podman, ip: "10.88.0.6/16", name: "web" });
  const labels = { book: "x".repeat(4 << 20) };
  engine.run({ network: podman, ip: "10.88.0.5/16", name: "guest", guestOf: host.Id, labels });
  assert.equal(await nameAt("10.88.0.6"), "web");
  await assert.rejects(workloads.resolve({ address: "10.88.0.5" }), isRefusal("contested-peer"));
});

test("an address that two containers claim serves neither", async (t) => {
  const { engine, workloads, bridge, log } = await bench(t);
  engine.run({ network: bridge, ip: "172.17.0.2/16", name: "one" });
  engine.run({ network: bridge, ip: "172.17.0.2/16", name: "two" });
  await assert.rejects(workloads.resolve({ address: "172.17.0.2" }), isRefusal("contested-peer"));
  assert.deepEqual(log, ["up"]);
});

test("an address claimed on two networks is contested too", async (t) => {
  const { engine, workloads, bridge } = await bench(t);
  const odd = engine.addNetwork({ name: "odd", driver: "plugin", subnets: ["172.17.3.0/24"] });
  engine.run({ network: odd, ip: "172.17.3.2/24", name: "other" });
  engine.run({ network: bridge, ip: "172.17.3.2/16", name: "again" });
  await assert.rejects(workloads.resolve({ address: "172.17.3.2" }), isRefusal("contested-peer"));
});

test("an overlay contests nothing: its addresses never leave it", async (t) => {
  const { engine, bridge, nameAt } = await bench(t);
  engine.run({ network: bridge, ip: "172.17.0.2/16", name: "web" });
  const overlay = engine.addNetwork({ name: "swarm", driver: "overlay", subnets: ["172.17.0.0/24"] });
  engine.run({ network: overlay, ip: "172.17.0.2/24", name: "task" });
  assert.equal(await nameAt("172.17.0.2"), "web");
});

test("ghosts among a network's members own nothing, and do not contest what a container owns", async (t) => {
  const { engine, workloads, bridge, nameAt } = await bench(t);
  engine.connect(bridge, `ep-${"0".repeat(64)}`, { IPv4Address: "172.17.0.2/16" });
  engine.connect(bridge, "ingress-sbox", { IPv4Address: "172.17.0.3/16" });
  assert.deepEqual(
    await Promise.all([workloads.resolve({ address: "172.17.0.2" }), workloads.resolve({ address: "172.17.0.3" })]),
    [undefined, undefined],
  );
  engine.run({ network: bridge, ip: "172.17.0.2/16", name: "real" });
  assert.equal(await nameAt("172.17.0.2"), "real");
});

test("a swarm task is found by docker_gwbridge, which its own inspect does not mention", async (t) => {
  const { engine, nameAt } = await bench(t);
  const gwbridge = engine.addNetwork({ name: "docker_gwbridge", subnets: ["172.28.0.0/16"] });
  const overlay = engine.addNetwork({ name: "swarm", driver: "overlay", subnets: ["10.0.1.0/24"] });
  const task = engine.run({ network: overlay, ip: "10.0.1.2/24", name: "task" });
  engine.connect(gwbridge, task.Id, { IPv4Address: "172.28.0.3/16" });
  engine.connect(gwbridge, "gateway_ingress-sbox", { IPv4Address: "172.28.0.2/16" });
  assert.equal(await nameAt("172.28.0.3"), "task");
});

test("IPv6 works alone, however it is spelt", async (t) => {
  const { engine, nameAt } = await bench(t);
  const n6 = engine.addNetwork({ name: "n6", subnets: ["fd00:6::/64"] });
  engine.run({ network: n6, ip6: "FD00:0006:0:0::0002/64", name: "six" });
  assert.equal(await nameAt("fd00:6::2"), "six");
  assert.equal(await nameAt("fd00:6:0::2"), "six");
});

test("every address of a container on two networks is its own", async (t) => {
  const { engine, bridge, nameAt } = await bench(t);
  const other = engine.addNetwork({ name: "other", subnets: ["172.18.0.0/16"] });
  const both = engine.run({ network: bridge, ip: "172.17.0.2/16", name: "both" });
  engine.connect(other, both.Id, { IPv4Address: "172.18.0.7/16" });
  assert.deepEqual([await nameAt("172.17.0.2"), await nameAt("172.18.0.7")], ["both", "both"]);
});

test("a network that is new to the list is found, and one made anew under another id too", async (t) => {
  const { engine, bridge, nameAt } = await bench(t);
  engine.run({ network: bridge, ip: "172.17.0.2/16", name: "old" });
  await nameAt("172.17.0.2");
  const later = engine.addNetwork({ name: "later", subnets: ["172.20.0.0/16"] });
  engine.run({ network: later, ip: "172.20.0.2/16", name: "new" });
  assert.equal(await nameAt("172.20.0.2"), "new");
  engine.networks.delete(bridge);
  const anew = engine.addNetwork({ name: "bridge", subnets: ["172.17.0.0/16"] });
  engine.run({ network: anew, ip: "172.17.0.3/16", name: "moved" });
  assert.equal(await nameAt("172.17.0.3"), "moved");
});

test("a process that is dead by the time it is watched makes no binding", async (t) => {
  const { engine, workloads, bridge, processes, log } = await bench(t);
  processes.dead.add(engine.run({ network: bridge, ip: "172.17.0.2/16" }).Pid);
  await assert.rejects(workloads.resolve({ address: "172.17.0.2" }), isRefusal("identity-unavailable"));
  assert.deepEqual(log, ["up"]);
  assert.equal(processes.open, 0);
});

test("podman's events are heard from the first, with which alone the head of its answer comes", async (t) => {
  const { engine, workloads, log, heard } = await bench(t, {
    callTimeoutMs: 400,
    engine: (fake) => {
      fake.flavour = "podman";
    },
  });
  const podman = engine.addNetwork({ name: "podman", subnets: ["10.88.0.0/16"] });
  const { Id } = engine.run({ network: podman, ip: "10.88.0.5/16", name: "pod" });
  const binding = await bindingAt(workloads, "10.88.0.5");
  const asked = engine.calls.length;
  await delay(600);
  assert.equal(await workloads.resolve({ address: "10.88.0.5" }), binding);
  assert.equal(engine.calls.length, asked, "its silence was taken for a lost stream");
  engine.remove(Id);
  engine.sendContainer("remove", Id);
  await heard();
  assert.deepEqual(log, ["up", "bound pod 10.88.0.5", "evicted pod 10.88.0.5: the container ended"]);
});

test("a podman that refuses its events is not believed to send them", async (t) => {
  const { log } = await bench(t, {
    engine: (fake) => {
      fake.flavour = "podman";
      fake.fault = (call) => (call.startsWith("GET /events") ? [500, "{}"] : undefined);
    },
  });
  assert.deepEqual(log, ["down"]);
});

test("the daemon stops while podman has sent no event yet", async (t) => {
  const { engine, workloads } = await bench(t, {
    engine: (fake) => {
      fake.flavour = "podman";
    },
  });
  await eventually(() => assert.equal(engine.subscribers, 1));
  await workloads.stop();
  await eventually(() => assert.equal(engine.subscribers, 0, "the connection stays open"));
});

test("in podman, a container in another's network is the other, whichever of them is known first", async (t) => {
  const { engine, workloads, log, heard, nameAt } = await bench(t, {
    engine: (fake) => {
      fake.flavour = "podman";
    },
  });
  const podman = engine.addNetwork({ name: "podman", subnets: ["10.88.0.0/16"] });
  const host = engine.run({ network: podman, ip: "10.88.0.5/16", name: "host" });
  const guest = engine.run({ network: podman, ip: "10.88.0.5/16", name: "guest", guestOf: host.Id });
  engine.sendContainer("start", guest.Id);
  await heard();
  await eventually(() => assert.ok(engine.calls.some((call) => call.includes(`/containers/${guest.Id}`))));
  await delay(50);
  assert.deepEqual(log, ["up"], "the guest is not bound at what is the host's");
  const binding = await bindingAt(workloads, "10.88.0.5");
  assert.equal(binding.workload.name, "host");
  engine.sendContainer("start", guest.Id);
  engine.sendContainer("start", host.Id);
  await heard();
  engine.cutStreams();
  await eventually(() => assert.equal(log.filter((line) => line === "up").length, 2));
  assert.equal(await workloads.resolve({ address: "10.88.0.5" }), binding, "it stays the same through all of this");
  engine.remove(host.Id);
  engine.sendContainer("die", host.Id);
  await heard();
  await assert.rejects(nameAt("10.88.0.5"), isRefusal("identity-unavailable"), "a guest without a host is nobody");
});

test("podman's answers are read: the network's name for its id, the name without its slash", async (t) => {
  const { engine, nameAt } = await bench(t, {
    engine: (fake) => {
      fake.flavour = "podman";
      fake.apiVersion = "1.41";
      fake.minApiVersion = "1.24";
    },
  });
  const podman = engine.addNetwork({ name: "podman", subnets: ["10.88.0.0/16"] });
  engine.run({ network: podman, ip: "10.88.0.5/16", name: "pod" });
  assert.equal(await nameAt("10.88.0.5"), "pod");
});
