import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { BindingStore } from "../../src/kernel/binding-store.ts";
import { ALL_ADDRESSES } from "../../src/kernel/intercepted-address.ts";
import { Interception } from "../../src/kernel/interception.ts";
import { KernelBindings } from "../../src/kernel/kernel-bindings.ts";
import type { LinkIndex } from "../../src/kernel/link-index.ts";
import { VethFinder } from "../../src/kernel/veth-finder.ts";
import {
  CONTAINER_V4,
  CONTAINER_V6,
  HOST_V4,
  hasMeans,
  Namespace,
  openLab,
  thousandOwners,
  whyNoLab,
} from "./network-lab.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const missingMeans = await whyNoLab();
const PORT = 9254;
const RELOADS = 100;
const MAC = "02:42:ac:11:00:02";
const METADATA4 = "169.254.169.254";
const METADATA6 = "fd00:ec2::254";
const FIT = { isLinux: true, mayChangeNetwork: true, hasIpv6: true };

/** A host with the rules loaded and the daemon listening, a container, and a neighbour with all rights over its own network. */
async function lab(t: TestContext) {
  const { host, container } = await openLab(t);
  const neighbour = await Namespace.open();
  t.after(() => neighbour.close());
  await container.must(`ip link set eth0 address ${MAC}`);
  await host.must(`
    ip link add veth2 type veth peer name eth0 netns ${neighbour.pid}
    ip link set veth2 master anyname0 up`);
  const finder = new VethFinder({ run: host.run, readRoutes: host.readRoutes });
  const bindings = new KernelBindings({ run: host.run, now: () => NOW, finder });
  const options = { port: PORT, bindings, run: host.run, follow: host.follow, readHost: () => FIT };
  const interception = new Interception(options);
  await interception.up();
  await host.tell({ do: "serve", name: "DAEMON", port: PORT });
  const owner = (address: string) => ({ address, macAddress: MAC, name: "web (0123)", pid: container.pid });
  return { host, container, neighbour, bindings, interception, owner };
}

type Lab = Awaited<ReturnType<typeof lab>>;

/** The neighbour takes the container's address and hardware address, and asks. */
async function takesOver({ host, neighbour, container }: Lab): Promise<void> {
  await container.must("ip link set eth0 down");
  await neighbour.must(`
    ip link set eth0 address ${MAC}
    ip address add ${CONTAINER_V4}/16 dev eth0
    ip address add ${CONTAINER_V6}/64 dev eth0 nodad
    ip link set eth0 up
    ip route replace default via ${HOST_V4}
    ip -6 route replace default via fd00:17::1`);
  await host.run(["ip", "neigh", "flush", "dev", "anyname0"]);
}

const ask = (from: Namespace, host: string) => from.tell({ do: "ask", host, port: 80 });
const isServed = async (from: Namespace, address: string): Promise<boolean> => "said" in (await ask(from, address));

test("an address that is not bound is served to whoever has it: what there is to prevent", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const all = await lab(t);
  await takesOver(all);
  assert.deepEqual(await ask(all.neighbour, METADATA4), { said: `DAEMON ${CONTAINER_V4}` });
  assert.deepEqual(await ask(all.neighbour, METADATA6), { said: `DAEMON ${CONTAINER_V6}` });
});

test("a bound address is served to its owner on every intercepted address, and to nobody else", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const all = await lab(t);
  for (const address of [CONTAINER_V4, CONTAINER_V6])
    assert.equal((await all.bindings.enforce(all.owner(address))).isInForce(), true);
  for (const { address } of ALL_ADDRESSES) assert.ok(await isServed(all.container, address), address);
  await takesOver(all);
  for (const { address } of ALL_ADDRESSES) assert.ok(!(await isServed(all.neighbour, address)), address);
});

/** Packets that were stopped on their way to the host, and on their way from it. */
async function dropped({ interception }: Pick<Lab, "interception">): Promise<{ asking: number; answers: number }> {
  const { counters } = await interception.check();
  const packetsOf = (what: string) =>
    counters.filter(({ rule }) => rule.includes(what)).reduce((sum, { packets }) => sum + packets, 0);
  return {
    asking: packetsOf("requests in another container's name"),
    answers: packetsOf("answers on their way to another container"),
  };
}

for (const address of [CONTAINER_V4, CONTAINER_V6]) {
  test(`with another hardware address even the owner's port is not the owner's: ${address} does not come to be heard`, async (t) => {
    if (!hasMeans(t, missingMeans)) return;
    const all = await lab(t);
    await all.bindings.enforce({ ...all.owner(address), macAddress: "02:42:AC:11:00:99" });
    assert.deepEqual(await dropped(all), { asking: 0, answers: 0 });
    assert.ok(!(await isServed(all.container, address === CONTAINER_V4 ? METADATA4 : METADATA6)));
    const { asking, answers } = await dropped(all);
    assert.ok(asking > 0, "its request came to the host");
    assert.equal(answers, 0, "it was answered");
  });
}

test("what is released is free again, and its enforcement ends", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const all = await lab(t);
  const held = await all.bindings.enforce(all.owner(CONTAINER_V4));
  held.release();
  assert.equal(held.isInForce(), false);
  await all.bindings.alone(() => Promise.resolve());
  assert.doesNotMatch(await all.host.must("nft list table bridge taskrole"), /172\.17\.0\.2/);
  await takesOver(all);
  assert.ok(await isServed(all.neighbour, METADATA4));
});

/** What /sys shows on the lab's host. */
function linksOf(host: Namespace): { readonly index: LinkIndex; read(): Promise<void> } {
  const indices = new Map<string, string>();
  const read = async () => {
    const listed = JSON.parse(await host.must("ip -j link show")) as { ifname: string; ifindex: number }[];
    indices.clear();
    for (const { ifname, ifindex } of listed) indices.set(ifname, `${ifindex}`);
  };
  return { index: (name) => indices.get(name), read };
}

test("whose link was replaced by another of the same name is told of when it is looked for, and is heard again", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, container, owner } = await lab(t);
  const finder = new VethFinder({ run: host.run, readRoutes: host.readRoutes });
  const links = linksOf(host);
  const bindings = new KernelBindings({ run: host.run, now: () => NOW, finder, linkIndex: links.index });
  const interception = new Interception({ port: PORT, bindings, run: host.run, readHost: () => FIT });
  await interception.up();
  await links.read();
  const held = await bindings.enforce(owner(CONTAINER_V4));
  assert.deepEqual([held.isInForce(), held.isLinked()], [true, true]);
  await host.must(`
    ip link del veth1
    ip link add veth1 type veth peer name eth0 netns ${container.pid}
    ip link set veth1 master anyname0 up`);
  await container.must(`
    ip address add ${CONTAINER_V4}/16 dev eth0
    ip link set eth0 up
    ip route add default via ${HOST_V4}`);
  await links.read();
  assert.equal(held.isInForce(), true, "nobody has looked");
  assert.ok(!(await isServed(container, METADATA4)));
  assert.deepEqual([held.isLinked(), held.isInForce()], [false, false]);
  await bindings.alone(() => Promise.resolve());
  assert.ok(await isServed(container, METADATA4));
});

test("the next owner of an address ends the last one's enforcement", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const all = await lab(t);
  const first = await all.bindings.enforce(all.owner(CONTAINER_V4));
  await takesOver(all);
  const second = await all.bindings.enforce({ ...all.owner(CONTAINER_V4), pid: all.neighbour.pid });
  assert.deepEqual([first.isInForce(), second.isInForce()], [false, true]);
  assert.ok(await isServed(all.neighbour, METADATA4));
  first.release();
  assert.equal(second.isInForce(), true, "the last one's release is not the next one's");
  assert.ok(await isServed(all.neighbour, METADATA4));
});

test("of two owners at the same moment only the later one's port counts", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const all = await lab(t);
  const next = { ...all.owner(CONTAINER_V4), pid: all.neighbour.pid };
  const [first, second] = await Promise.all([
    all.bindings.enforce(all.owner(CONTAINER_V4)),
    all.bindings.enforce(next),
  ]);
  const later = all.bindings.bound[0]?.veth === "veth2" ? second : first;
  assert.deepEqual(
    [first, second].filter((one) => one.isInForce()),
    [later],
  );
  assert.equal((await all.interception.check()).isInPlace, true, "an element of the other is left over");
  const elements = (await all.host.must("nft list table bridge taskrole")).match(/172\.17\.0\.2/g);
  assert.equal(elements?.length, 2, "the address itself, and one port");
});

test("what nft refused once is loaded again, also when nothing was bound", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, container } = await lab(t);
  let isBroken = true;
  const run: typeof host.run = async (argv, options) => {
    if (argv[0] !== "nft" || !isBroken) return host.run(argv, options);
    isBroken = false;
    return { kind: "exited", code: 1, stdout: "", stderr: "Error: Could not process rule: Device or resource busy" };
  };
  const finder = new VethFinder({ run, readRoutes: host.readRoutes });
  const bindings = new KernelBindings({ run, now: () => NOW, finder });
  const interception = new Interception({ port: PORT, bindings, run: host.run, readHost: () => FIT });
  await interception.up();
  const owner = { address: CONTAINER_V4, macAddress: MAC, name: "web (0123)", pid: container.pid };
  await assert.rejects(bindings.enforce(owner), /resource busy/);
  assert.equal((await interception.check()).isInPlace, false);
  await interception.up();
  assert.equal((await interception.check()).isInPlace, true);
  assert.equal((await bindings.enforce(owner)).isInForce(), true);
});

/** As the kernel answers when something else is in the way: nothing is changed by that, so no monitor tells of it. */
function refusingOnce(run: Namespace["run"]) {
  let isRefusing = false;
  const refusing: Namespace["run"] = async (argv, options) => {
    if (!isRefusing || !argv[1]?.startsWith("add element")) return run(argv, options);
    isRefusing = false;
    return { kind: "exited", code: 1, stdout: "", stderr: "Error: Resource temporarily unavailable" };
  };
  const refuse = () => {
    isRefusing = true;
  };
  return { run: refusing, refuse };
}

test("each time that nft refuses once, all is mended long before the timer, although no monitor tells of it", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, owner } = await lab(t);
  const { run, refuse } = refusingOnce(host.run);
  const finder = new VethFinder({ run, readRoutes: host.readRoutes });
  const bindings = new KernelBindings({ run, now: () => NOW, finder });
  const interception = new Interception({ port: PORT, bindings, run, follow: host.follow, readHost: () => FIT });
  await interception.up();
  const stopping = new AbortController();
  let mends = 0;
  const onMended = () => {
    mends += 1;
  };
  const watching = interception.watch({ onDrift: () => {}, onMended, onMendFailed: () => {} }, stopping.signal);
  await delay(1_500); // until nft's monitor listens, and the watch has looked for what was changed before
  for (const times of [1, 2]) {
    const other = await bindings.enforce(owner(CONTAINER_V6));
    refuse();
    const refusedAt = performance.now();
    await assert.rejects(bindings.enforce(owner(CONTAINER_V4)), /temporarily unavailable/);
    assert.equal(other.isInForce(), false);
    while (mends < times && performance.now() - refusedAt < 2_000) await delay(10);
    assert.equal(mends, times, "mended within two seconds");
    assert.equal((await bindings.enforce(owner(CONTAINER_V4))).isInForce(), true);
  }
  stopping.abort();
  await watching;
});

test("what is released while a check waits for its turn is not taken for someone's change", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { bindings, interception, owner, host } = await lab(t);
  const held = await bindings.enforce(owner(CONTAINER_V4));
  const busy = bindings.alone(() => delay(100));
  const checking = interception.check();
  held.release();
  await busy;
  assert.equal((await checking).isInPlace, true);
  assert.equal((await interception.check()).isInPlace, true);
  assert.doesNotMatch(await host.must("nft list table bridge taskrole"), /172\.17\.0\.2/);
});

test("a reload between a release and its deletion leaves nothing behind", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { bindings, interception, owner, host } = await lab(t);
  const held = await bindings.enforce(owner(CONTAINER_V4));
  const busy = bindings.alone(() => delay(100));
  const loading = interception.up();
  await delay(50); // for the routing rules, after which it waits for its turn
  held.release();
  await Promise.all([busy, loading]);
  await bindings.alone(() => Promise.resolve());
  assert.doesNotMatch(await host.must("nft list table bridge taskrole"), /172\.17\.0\.2/);
  assert.equal((await interception.check()).isInPlace, true);
});

test("a reload keeps what is bound", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const all = await lab(t);
  const held = await all.bindings.enforce(all.owner(CONTAINER_V4));
  await Promise.all([all.interception.up(), all.bindings.enforce(all.owner(CONTAINER_V6)), all.interception.up()]);
  assert.equal(held.isInForce(), true);
  assert.equal((await all.interception.check()).isInPlace, true);
  await takesOver(all);
  assert.ok(!(await isServed(all.neighbour, METADATA4)));
  assert.ok(!(await isServed(all.neighbour, METADATA6)));
});

/** What of the neighbour's requests has come past the bridge, whether or not it is answered. */
const WITNESS = `table inet witness {
  chain prerouting {
    type filter hook prerouting priority -300
    ip saddr ${CONTAINER_V4} ip daddr ${METADATA4} counter
    ip6 saddr ${CONTAINER_V6} ip6 daddr ${METADATA6} counter
  }
}`;

/** Packets over IPv4 and over IPv6. */
async function witnessed(host: Namespace): Promise<readonly number[]> {
  const listed = await host.must("nft list table inet witness");
  return [...listed.matchAll(/counter packets (\d+)/g)].map(([, packets]) => Number(packets));
}

test("a hundred reloads, each a single run of nft, let no packet of a neighbour's through and end nothing", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const all = await lab(t);
  const { host, bindings, neighbour, owner } = all;
  let loads = 0;
  const run: typeof host.run = (argv, options) => {
    if (argv[0] === "nft" && argv[1] !== "-j") loads += 1;
    return host.run(argv, options);
  };
  const interception = new Interception({ port: PORT, bindings, run, readHost: () => FIT });
  const held = [await bindings.enforce(owner(CONTAINER_V4)), await bindings.enforce(owner(CONTAINER_V6))];
  await takesOver(all);
  await host.load(WITNESS);
  const askers = [neighbour, await neighbour.process({})];
  for (const asker of askers) t.after(() => asker.close());
  const knock = (to: string) => askers[to === METADATA4 ? 0 : 1]?.tell({ do: "ask", host: to, port: 80, withinMs: 20 });
  let isOver = false;
  const asked = [METADATA4, METADATA6].map(async (address) => {
    let times = 0;
    for (; !isOver; times += 1) await knock(address);
    return times;
  });
  for (let reload = 0; reload < RELOADS; reload += 1) {
    await interception.up();
    assert.ok(held.every((one) => one.isInForce()));
  }
  isOver = true;
  for (const times of await Promise.all(asked)) assert.ok(times >= RELOADS / 2, `asked ${times} times`);
  assert.deepEqual(await witnessed(host), [0, 0]);
  assert.equal(loads, RELOADS, "a second run would leave a gap between the two");
  for (const one of held) one.release();
  await bindings.alone(() => Promise.resolve());
  await Promise.all([METADATA4, METADATA6].map(knock));
  assert.ok(
    (await witnessed(host)).every((packets) => packets > 0),
    "the witness sees nothing",
  );
});

for (const does of [
  "nft flush ruleset",
  "nft delete table bridge taskrole",
  "nft flush chain bridge taskrole prerouting",
  "nft flush set bridge taskrole bound4",
  "nft flush set bridge taskrole owned4",
  "nft delete element bridge taskrole owned4 { 172.17.0.2 }",
  "nft add element bridge taskrole owned4 { 172.17.0.9 }",
  `nft add element bridge taskrole bound4 { "veth2" . ${MAC} . ${CONTAINER_V4} }`,
  `nft delete element bridge taskrole bound4 { "veth1" . ${MAC} . ${CONTAINER_V4} }`,
]) {
  test(`ends all enforcement until the table is mended: ${does}`, { timeout: 20_000 }, async (t) => {
    if (!hasMeans(t, missingMeans)) return;
    const all = await lab(t);
    const held = await all.bindings.enforce(all.owner(CONTAINER_V4));
    const stopping = new AbortController();
    const mended = Promise.withResolvers<void>();
    const events = { onDrift: () => {}, onMended: () => mended.resolve(), onMendFailed: () => {} };
    const watching = all.interception.watch(events, stopping.signal);
    await delay(1_500); // until nft's monitor listens, and the watch has looked for what was changed before
    await all.host.run(does.split(" "));
    await mended.promise;
    assert.equal(held.isInForce(), false);
    assert.equal((await all.interception.check()).isInPlace, true);
    assert.equal((await all.bindings.enforce(all.owner(CONTAINER_V4))).isInForce(), true);
    stopping.abort();
    await watching;
  });
}

test("what the daemon itself binds, releases and reloads is no news", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, bindings, interception, owner } = await lab(t);
  const lines: string[] = [];
  const stopping = new AbortController();
  const following = host.follow(
    ["nft", "monitor"],
    (line) => bindings.isNews(line) && lines.push(line),
    stopping.signal,
  );
  const untilTold = () => delay(500); // a line that comes after the next change may be taken for news: one check too many
  await untilTold();
  const held = await bindings.enforce(owner(CONTAINER_V4));
  await bindings.enforce(owner(CONTAINER_V6));
  await untilTold();
  await interception.up();
  await untilTold();
  held.release();
  await untilTold();
  await bindings.enforce(owner(CONTAINER_V4));
  await untilTold();
  assert.deepEqual(lines, []);
  await host.must("nft flush set bridge taskrole bound6");
  await untilTold();
  stopping.abort();
  await following;
  assert.match(lines.join(), /^delete element bridge taskrole bound6 [^,]+$/);
});

test("a line of nft's that only looks like one about an element is news", () => {
  const bindings = new KernelBindings({ run: assert.fail, now: () => NOW });
  assert.equal(bindings.isNews("add element bridge taskrole bound4 { veth1 . 172.17.0.2 timeout 5s }"), true);
  assert.equal(bindings.isNews("add element ip taskrole bound4 { 172.17.0.2 }"), false);
  assert.equal(bindings.isNews("# new generation 6 by process 16791 (nft)"), false);
});

test("a brief check sees tables, chains and sets; elements and routing rules are for a whole one", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, bindings, interception, owner } = await lab(t);
  await host.must("nft add table bridge another\nnft add chain bridge another early");
  await bindings.enforce(owner(CONTAINER_V4));
  const isInPlace = async (depth: "brief" | "whole") => (await interception.check(depth)).isInPlace;
  assert.deepEqual([await isInPlace("brief"), await isInPlace("whole")], [true, true]);
  for (const does of ["nft flush set bridge taskrole owned4", "ip rule del pref 91 to 169.254.169.254"]) {
    await host.must(does);
    assert.deepEqual([await isInPlace("brief"), await isInPlace("whole")], [true, false], does);
    await interception.up();
  }
  for (const does of [
    "nft delete table bridge taskrole",
    "nft flush chain bridge taskrole prerouting",
    "nft add chain bridge taskrole more",
    "nft flush ruleset",
  ]) {
    await host.must(does);
    assert.equal(await isInPlace("brief"), false, does);
    await interception.up();
  }
});

test("while the table is not in place nothing is enforced, and it says why", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const all = await lab(t);
  await all.host.must("nft delete table bridge taskrole");
  const error = await all.bindings.enforce(all.owner(CONTAINER_V4)).catch(String);
  assert.match(String(error), /the kernel does not take it: .*No such file or directory/s);
  assert.match(
    String(await all.bindings.enforce(all.owner(CONTAINER_V4)).catch(String)),
    /the table of the bindings is not in place/,
  );
  await all.interception.up();
  assert.equal((await all.bindings.enforce(all.owner(CONTAINER_V4))).isInForce(), true);
});

test("what is bound is listed for whoever asks: address, link, hardware address, whose, since when; and what was dropped", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const all = await lab(t);
  for (const address of [CONTAINER_V4, CONTAINER_V6]) await all.bindings.enforce(all.owner(address));
  const byHand = new Interception({ port: PORT, run: all.host.run, readHost: () => FIT });
  const note = "web (0123) since 2026-01-02T03:04:05Z";
  assert.deepEqual(
    (await byHand.check()).bindings,
    [CONTAINER_V4, CONTAINER_V6].map((address) => ({ address, veth: "veth1", macAddress: MAC, note })),
  );
  const drops = (await byHand.check()).counters.filter(({ rule }) => rule.startsWith("dropped: IPv"));
  assert.deepEqual(
    drops.map(({ rule, packets }) => `${rule}: ${packets}`),
    [
      "dropped: IPv4 requests in another container's name: 0",
      "dropped: IPv6 requests in another container's name: 0",
      "dropped: IPv4 answers on their way to another container: 0",
      "dropped: IPv6 answers on their way to another container: 0",
    ],
  );
  await byHand.down();
  assert.deepEqual((await byHand.check()).bindings, []);
});

test("an odd name cannot break out of its note", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const all = await lab(t);
  await all.bindings.enforce({ ...all.owner(CONTAINER_V4), name: `a" } ; flush ruleset # ${"x".repeat(200)}` });
  assert.equal((await all.interception.check()).isInPlace, true);
});

test("many at once go in few transactions, all acknowledged", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host } = await lab(t);
  let runs = 0;
  const run: typeof host.run = (argv, options) => {
    runs += 1;
    return host.run(argv, options);
  };
  const finder = { find: () => Promise.resolve("veth1") };
  const bindings = new KernelBindings({ run, now: () => NOW, finder });
  const interception = new Interception({ port: PORT, bindings, run: host.run, readHost: () => FIT });
  await interception.up();
  const held = await Promise.all(thousandOwners(MAC).map((owner) => bindings.enforce(owner)));
  assert.ok(held.every((one) => one.isInForce()));
  assert.ok(runs <= 8, `${runs} runs of nft`);
  await interception.up();
  assert.equal((await interception.check()).isInPlace, true);
});

test("an engine that names no hardware address, or nonsense, binds nothing", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const all = await lab(t);
  for (const macAddress of ["", "02:42", "02:42:ac:11:00:02 } ; flush ruleset"])
    await assert.rejects(all.bindings.enforce({ ...all.owner(CONTAINER_V4), macAddress }), /no hardware address/);
});

test("what was released before its table was lost is not deleted from the next one, where it is not", async () => {
  const kernel = new Set<string>();
  const store: BindingStore = {
    change: async (changes) => {
      for (const { verb, bound } of changes) {
        if (verb === "add") kernel.add(bound.address);
        else if (!kernel.delete(bound.address)) return "no such rule";
      }
      return undefined;
    },
  };
  const finder = { find: () => Promise.resolve("veth1") };
  const bindings = new KernelBindings({
    run: () => assert.fail("no program is needed"),
    now: () => NOW,
    store,
    finder,
  });
  const load = async () => {
    kernel.clear();
    for (const { address } of bindings.inKernel) kernel.add(address);
  };
  await bindings.reload(load);
  const owner = { address: CONTAINER_V4, macAddress: MAC, name: "web", pid: 1 };
  const held = await bindings.enforce(owner);
  const busy = Promise.withResolvers<void>();
  void bindings.alone(() => busy.promise);
  const reloading = bindings.reload(load);
  held.release();
  bindings.lose();
  busy.resolve();
  await reloading;
  await bindings.alone(() => Promise.resolve());
  assert.equal(bindings.isLoaded, true, "a refused deletion would have given all of them up");
  assert.equal((await bindings.enforce(owner)).isInForce(), true);
  assert.deepEqual([...kernel], [CONTAINER_V4]);
});
