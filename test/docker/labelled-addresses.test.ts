import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { explainFailure } from "../../src/audit/explain-failure.ts";
import type { Refusal } from "../../src/core/failure.ts";
import { OWN_DIALECT } from "../../src/docker/container-dialect.ts";
import { type Bench, bench, bindingAt, eventually, isRefusal } from "./bench.ts";
import { type FakeContainer, newId, type RunOptions } from "./fake-engine.ts";
import { FakeKernel } from "./fake-kernel.ts";

const LABEL = "rancher.ip";
const ADDRESS = "10.42.1.2";
const MAC = "02:42:ac:11:00:02";
const MAC_LABEL = "rancher.mac";
const dialect = { ...OWN_DIALECT, addressLabels: { address: LABEL, macAddress: MAC_LABEL } };
const labels = { [LABEL]: `${ADDRESS}/16` };

interface Labelled extends Bench {
  readonly kernel: FakeKernel;
  /** On the bridge, with an address of its own there, and with the label unless it is given others. */
  run(name: string, more?: Partial<RunOptions>): FakeContainer;
}

async function labelled(t: TestContext, options: Parameters<typeof bench>[1] = {}): Promise<Labelled> {
  const kernel = new FakeKernel();
  const made = await bench(t, { dialect, enforce: kernel.enforce, ...options });
  let last = 1;
  const run = (name: string, more: Partial<RunOptions> = {}): FakeContainer => {
    last += 1;
    return made.engine.run({ network: made.bridge, ip: `172.17.0.${last}/16`, mac: MAC, name, labels, ...more });
  };
  return { ...made, kernel, run };
}

/** One whose container "a" is bound by its label. */
async function bound(t: TestContext) {
  const made = await labelled(t);
  const a = made.run("a");
  const binding = await bindingAt(made.workloads, ADDRESS);
  return { ...made, a, binding };
}

async function refusalAt({ workloads }: Bench, address = ADDRESS): Promise<Refusal> {
  const error: unknown = await workloads.resolve({ address }).then(
    (binding) => assert.fail(`it is ${binding?.workload.name}'s`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error && "failure" in error, String(error));
  return error as Refusal;
}

/** Until the Engine has answered, and the answer has had its effect. */
async function quiet({ engine }: Bench): Promise<void> {
  for (let turns = 0, calls = -1; turns < 10; turns += 1) {
    if (engine.pending > 0 || engine.calls.length !== calls) turns = 0;
    calls = engine.calls.length;
    await delay(2);
  }
}

for (const text of [`${ADDRESS}/16`, ADDRESS]) {
  test(`an address that no network has is its whose label says "${text}", tied to its own link`, async (t) => {
    const made = await labelled(t);
    made.run("other", { labels: { [LABEL]: "10.42.1.3/16" } });
    const web = made.run("web", { labels: { [LABEL]: text, "taskrole.role": "reader" } });
    const { workload, network, address } = await bindingAt(made.workloads, ADDRESS);
    assert.deepEqual([workload.name, workload.roleClaim?.text, address], ["web", "reader", ADDRESS]);
    assert.deepEqual(network, { id: made.bridge, name: "bridge" });
    const [owner, ...others] = made.kernel.asked;
    assert.deepEqual(others, []);
    assert.deepEqual(owner && [owner.address, owner.macAddress, owner.pid], [ADDRESS, MAC, web.Pid]);
    const calls = made.engine.calls.length;
    await made.workloads.resolve({ address: ADDRESS });
    assert.equal(made.engine.calls.length, calls, "known, it costs the Engine nothing");
    assert.equal(await made.nameAt("172.17.0.3"), "web", "the address that Docker gave it is its, too");
  });
}

test("an IPv6 address, however it is spelt", async (t) => {
  const { nameAt, run } = await labelled(t);
  run("web", { labels: { [LABEL]: "FD00:42::0:2/64" } });
  assert.equal(await nameAt("fd00:42::2"), "web");
});

test("where labels tell no addresses it is nobody's, and nobody looks for labels", async (t) => {
  const made = await labelled(t, { dialect: OWN_DIALECT });
  const { Id } = made.run("web");
  made.engine.sendContainer("start", Id);
  assert.equal(await made.nameAt(ADDRESS), undefined);
  assert.equal(made.engine.countOf(/^GET \/containers\/json/), 0);
  assert.ok(!made.log.some((line) => line.includes(ADDRESS)), made.log.join());
});

test("a label counts for nothing in a subnet of Docker's, whether or not the address is somebody's", async (t) => {
  const made = await labelled(t);
  made.run("victim", { labels: {} });
  for (const address of ["172.17.0.2", "172.17.0.99"]) {
    const { Id } = made.run("thief", { labels: { [LABEL]: `${address}/16` } });
    made.engine.sendContainer("start", Id);
  }
  await made.heard();
  await eventually(() => assert.ok(made.log.includes("bound thief 172.17.0.4") && made.engine.pending === 0));
  assert.equal(made.engine.countOf(/^GET \/networks\/./), 0, "nobody looks who has it");
  assert.equal(await made.nameAt("172.17.0.2"), "victim");
  assert.equal(await made.nameAt("172.17.0.99"), undefined);
  assert.ok(!made.log.some((line) => /bound thief 172.17.0.(2|99)/.test(line)), made.log.join());
  assert.ok(!made.log.some((line) => line.startsWith("evicted")), made.log.join());
});

test("what is no address in a label is no address, and harms nobody", async (t) => {
  const made = await labelled(t);
  for (const text of ["", "/16", "rancher", "10.42.1.2/16/3", "10.42.1.2/x", " 10.42.1.2", "10.42.1", "10.42.01.2/16"])
    made.engine.sendContainer("start", made.run("odd", { labels: { [LABEL]: text } }).Id);
  made.run("web");
  await made.heard();
  assert.equal(await made.nameAt(ADDRESS), "web");
  assert.equal(await made.nameAt("10.42.1.9"), undefined);
});

test("two that run with the same address are refused, both named, until one of them is gone", async (t) => {
  const made = await bound(t);
  const b = made.run("b", { labels: { [LABEL]: ADDRESS } });
  made.engine.sendContainer("start", b.Id);
  await made.heard();
  await eventually(() => assert.equal(made.binding.isCurrent(), false, "bound before the other began"));
  const { failure } = await refusalAt(made);
  assert.deepEqual(failure, { kind: "contested-peer", address: ADDRESS, claimants: [made.a.Id, b.Id] });
  assert.match(explainFailure(failure).reason, /several workloads claim the address 10\.42\.1\.2/);
  made.engine.remove(b.Id);
  made.engine.sendContainer("die", b.Id);
  await made.heard();
  assert.equal(await made.nameAt(ADDRESS), "a");
});

test("one that does not run claims nothing", async (t) => {
  const made = await labelled(t);
  made.run("stopped", { running: false });
  assert.equal(await made.nameAt(ADDRESS), undefined);
  made.run("web");
  assert.equal(await made.nameAt(ADDRESS), "web");
});

test("one between two tries of its restart policy has it only once it runs", async (t) => {
  const made = await labelled(t);
  const web = made.run("web");
  const { Pid } = web;
  web.Pid = 0;
  const asked = made.nameAt(ADDRESS);
  await eventually(() => assert.ok(made.engine.countOf(/^GET \/containers\/json$/) >= 2));
  assert.deepEqual(made.kernel.asked, []);
  web.Pid = Pid;
  assert.equal(await asked, "web");
});

test("one whose link Docker did not make is tied to it by the hardware address that its label tells", async (t) => {
  const made = await labelled(t);
  const network = made.engine.addNetwork({ name: "none", driver: "null" });
  const labels = { [LABEL]: `${ADDRESS}/16`, [MAC_LABEL]: "02:9B:00:00:00:01" };
  const web = made.run("web", { network, ip: "", mac: "", labels });
  assert.equal(await made.nameAt(ADDRESS), "web");
  const [owner] = made.kernel.asked;
  assert.deepEqual(owner && [owner.address, owner.macAddress, owner.pid], [ADDRESS, "02:9B:00:00:00:01", web.Pid]);
});

test("one on no network of Docker's that tells no hardware address is refused, and told of the label", async (t) => {
  const made = await labelled(t);
  const network = made.engine.addNetwork({ name: "none", driver: "null" });
  made.run("web", { network, ip: "", mac: "" });
  const told = explainFailure((await refusalAt(made)).failure);
  assert.match(told.reason, /is not on one bridge network \(its networks: none\)/);
  assert.match(told.remedy, /or name its link's hardware address in the label rancher\.mac$/);
  assert.deepEqual(made.kernel.asked, []);
});

test("a hardware address by label does not replace the one that Docker gave", async (t) => {
  const made = await labelled(t);
  made.run("web", { labels: { ...labels, [MAC_LABEL]: "02:9b:00:00:00:01" } });
  await bindingAt(made.workloads, ADDRESS);
  assert.deepEqual(
    made.kernel.asked.map(({ macAddress }) => macAddress),
    [MAC],
  );
});

const UNTIED: readonly (readonly [string, (made: Labelled) => unknown, RegExp])[] = [
  [
    "on two networks",
    (made) => {
      const { Id } = made.run("web");
      made.engine.connect(made.engine.addNetwork({ name: "red", subnets: ["172.18.0.0/16"] }), Id, {});
    },
    /web, whose label rancher\.ip names it, is not on one bridge network \(its networks: bridge, red\)/,
  ],
  ["on none", (made) => made.run("web", { network: "" }), /\(its networks: none\)/],
  [
    "on a network that is no bridge",
    (made) => made.run("web", { network: made.engine.addNetwork({ name: "lan", driver: "macvlan" }), ip: "" }),
    /\(its networks: lan\)/,
  ],
  [
    "in another container's network",
    (made) => made.run("web", { guestOf: newId() }),
    /is not on one bridge network of its own, but in that of [0-9a-f]{12} /,
  ],
];

for (const [where, start, reason] of UNTIED) {
  test(`a container ${where} has no link that its label's address could be tied to: refused, with what to do`, async (t) => {
    const made = await labelled(t);
    start(made);
    const { failure } = await refusalAt(made);
    assert.equal(failure.kind, "identity-unavailable");
    const told = explainFailure(failure);
    assert.match(told.reason, reason);
    assert.equal(told.remedy, "connect it to one bridge network, and to no other");
    assert.deepEqual(made.kernel.asked, []);
  });
}

type Bound = Awaited<ReturnType<typeof bound>>;
const ENDS: readonly (readonly [string, string, (made: Bound) => void])[] = [
  ["die", "the container ended", ({ engine, a }) => engine.sendContainer("die", a.Id)],
  [
    "disconnect",
    "the container left the network",
    ({ engine, a, bridge }) => engine.sendNetwork("disconnect", bridge, a.Id),
  ],
  ["the network's destroy", "the network was removed", ({ engine, bridge }) => engine.sendNetwork("destroy", bridge)],
];

for (const [name, reason, send] of ENDS) {
  test(`at ${name} a binding by label ends like any other, and the kernel lets go`, async (t) => {
    const made = await bound(t);
    made.engine.remove(made.a.Id);
    send(made);
    await made.heard();
    assert.equal(made.binding.isCurrent(), false);
    assert.ok(made.log.includes(`evicted a ${ADDRESS}: ${reason}`), made.log.join("\n"));
    assert.equal(made.kernel.released, 1);
    assert.equal(await made.nameAt(ADDRESS), undefined);
  });
}

test("when its process ends or the kernel's rules are lost, a binding by label ends at once", async (t) => {
  const made = await bound(t);
  made.kernel.lose();
  assert.equal(made.binding.isCurrent(), false);
  const next = await bindingAt(made.workloads, ADDRESS);
  made.processes.dead.add(made.a.Pid);
  assert.equal(next.isCurrent(), false);
});

test("a restarted container is another workload, and whoever comes after without the label has nothing", async (t) => {
  const made = await bound(t);
  made.engine.sendContainer("die", made.a.Id);
  made.engine.restart(made.a.Id);
  made.engine.sendContainer("start", made.a.Id);
  await made.heard();
  assert.equal((await bindingAt(made.workloads, ADDRESS)).workload.startedAt, made.a.StartedAt);
  made.engine.remove(made.a.Id);
  made.engine.sendContainer("die", made.a.Id);
  made.run("plain", { labels: {} });
  await made.heard();
  assert.equal(await made.nameAt(ADDRESS), undefined);
  made.run("heir");
  assert.equal(await made.nameAt(ADDRESS), "heir");
});

test("it is bound when it starts, before it asks", async (t) => {
  const made = await labelled(t);
  made.engine.sendContainer("start", made.run("web").Id);
  await eventually(() => assert.ok(made.log.includes(`bound web ${ADDRESS}`), made.log.join()));
});

test("a network that is made over it takes the address away from the label", async (t) => {
  const made = await bound(t);
  const rancher = made.engine.addNetwork({ name: "rancher", subnets: ["10.42.0.0/16"] });
  made.engine.sendNetwork("create", rancher);
  await made.heard();
  await eventually(() => assert.equal(made.binding.isCurrent(), false));
  assert.equal(await made.nameAt(ADDRESS), undefined, "in Docker's subnet, and nobody's");
  made.engine.run({ network: rancher, ip: `${ADDRESS}/16`, name: "owner", mac: MAC });
  assert.equal(await made.nameAt(ADDRESS), "owner");
});

test("where it cannot be told at once whether a network was made over it, the next request asks", async (t) => {
  const made = await bound(t);
  made.engine.fault = (call) => (call === "GET /networks" ? [500, "{}"] : undefined);
  const lists = made.engine.countOf(/^GET \/networks$/);
  made.engine.sendNetwork("create", made.engine.addNetwork({ name: "rancher", subnets: ["10.42.0.0/16"] }));
  await made.heard();
  await eventually(() => assert.ok(made.engine.countOf(/^GET \/networks$/) > lists));
  await quiet(made);
  made.engine.fault = undefined;
  assert.equal(await made.nameAt(ADDRESS), undefined);
});

test("a network that is made elsewhere leaves it what it is", async (t) => {
  const made = await bound(t);
  made.engine.sendNetwork("create", made.engine.addNetwork({ name: "red", subnets: ["172.18.0.0/16"] }));
  await made.heard();
  assert.equal(await bindingAt(made.workloads, ADDRESS), made.binding);
});

/** The kernel is slow to tie the address of "a" to it, and meanwhile this happens. */
const MEANWHILE: readonly (readonly [string, (made: Labelled) => void, (made: Labelled) => Promise<void>])[] = [
  [
    "another starts with the same label",
    (made) => made.engine.sendContainer("start", made.run("b").Id),
    async (made) => assert.equal((await refusalAt(made)).failure.kind, "contested-peer"),
  ],
  [
    "a network is made over it",
    ({ engine }) => engine.sendNetwork("create", engine.addNetwork({ name: "new", subnets: ["10.42.0.0/16"] })),
    async ({ nameAt }) => assert.equal(await nameAt(ADDRESS), undefined),
  ],
];

for (const [what, happens, after] of MEANWHILE) {
  test(`what was seen before ${what} binds nobody afterwards`, async (t) => {
    const made = await labelled(t);
    made.run("a");
    made.kernel.gate = Promise.withResolvers();
    const asked = made.workloads.resolve({ address: ADDRESS }).catch((error: unknown) => error);
    await eventually(() => assert.equal(made.kernel.asked.length, 1));
    happens(made);
    await made.heard();
    await quiet(made);
    made.kernel.gate.resolve();
    made.kernel.gate = undefined;
    await asked;
    const count = (line: RegExp) => made.log.filter((one) => line.test(one)).length;
    await eventually(() => assert.equal(count(/^bound a 10/), count(/^evicted a 10/)));
    await after(made);
  });
}

test("with the events lost every request asks, and the binding ends when no label gives the address any more", async (t) => {
  const made = await bound(t);
  made.engine.fault = (call) => (call.startsWith("GET /events") ? [500, "{}"] : undefined);
  made.engine.cutStreams();
  await eventually(() => assert.equal(made.log.at(-1), "down"));
  assert.equal(await bindingAt(made.workloads, ADDRESS), made.binding);
  made.run("b");
  assert.ok(isRefusal("contested-peer")(await refusalAt(made)));
  assert.equal(made.binding.isCurrent(), false);
});

for (const [what, change, isKept] of [
  ["is kept when it is right", () => {}, true],
  ["ends when its container is gone", ({ engine, a }: Bound) => engine.remove(a.Id), false],
  ["ends when its container is another life", ({ engine, a }: Bound) => engine.restart(a.Id), false],
  ["ends when another has the label, too", ({ run }: Bound) => run("b"), false],
  [
    "ends when the address is Docker's",
    ({ engine }: Bound) => engine.addNetwork({ name: "rancher", subnets: ["10.42.0.0/16"] }),
    false,
  ],
] as const) {
  test(`after the events were lost a binding by label is made sure of before anybody asks: it ${what}`, async (t) => {
    const made = await bound(t);
    made.engine.fault = (call) => (call.startsWith("GET /events") ? [500, "{}"] : undefined);
    made.engine.cutStreams();
    await eventually(() => assert.equal(made.log.at(-1), "down"));
    change(made);
    made.engine.fault = undefined;
    const looked = new RegExp(`^GET /networks/${made.bridge}$`); // the last call of a look that finds it
    const looks = made.engine.countOf(looked);
    await made.waitForStream();
    if (!isKept) return await eventually(() => assert.equal(made.binding.isCurrent(), false));
    await eventually(() => assert.ok(made.engine.countOf(looked) > looks));
    await quiet(made);
    const calls = made.engine.calls.length;
    assert.equal(await bindingAt(made.workloads, ADDRESS), made.binding);
    assert.equal(made.engine.calls.length, calls, "it was confirmed without a request");
  });
}

test("a hundred at once are few lists, and one binding", async (t) => {
  const made = await labelled(t);
  made.run("web");
  const bindings = await Promise.all(Array.from({ length: 100 }, () => bindingAt(made.workloads, ADDRESS)));
  assert.equal(new Set(bindings).size, 1);
  assert.ok(made.engine.countOf(/^GET \/containers\/json$/) <= 3);
});
