import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { ALL_ADDRESSES } from "../../src/kernel/intercepted-address.ts";
import { Interception, type InterceptionOptions } from "../../src/kernel/interception.ts";
import { InterceptionError } from "../../src/kernel/interception-error.ts";
import { rulesetTexts } from "../../src/kernel/nft-table.ts";
import { uplinkTable } from "../../src/kernel/uplink-table.ts";
import type { CommandOutcome, RunCommand } from "../../src/kit/run-command.ts";
import { hasMeans, Namespace, openLab, whyNoLab } from "./network-lab.ts";

const METADATA4 = "169.254.169.254";
const METADATA6 = "fd00:ec2::254";
const missingMeans = (await whyNoLab()) ?? (await whyNoEgress());
const FIT = { isLinux: true, mayChangeNetwork: true, hasIpv6: true };
const ask = (from: Namespace, host: string) => from.tell({ do: "ask", host, port: 80 });

/** Undefined when this kernel has macvlan and the egress hook. */
async function whyNoEgress(): Promise<string | undefined> {
  const host = await Namespace.open();
  const chain = 'table netdev t {\n chain e {\n type filter hook egress device "probe0" priority 0\n }\n }';
  const tried: CommandOutcome[] = [];
  for (const argv of [
    ["ip", "link", "add", "probe0", "type", "veth"],
    ["ip", "link", "add", "probe1", "link", "probe0", "type", "macvlan"],
    ["nft", chain],
  ])
    tried.push(await host.run(argv));
  host.close();
  const isFit = tried.every((outcome) => outcome.kind === "exited" && outcome.code === 0);
  return isFit ? undefined : "needs a kernel with macvlan and netdev egress (5.16)";
}

/** A host, and a container whose macvlan link is on the host's uplink. */
async function macvlanLab(t: TestContext) {
  const { host, ec2 } = await openLab(t);
  const stray = await Namespace.open();
  t.after(() => stray.close());
  await ec2.must("ip address add 198.18.0.2/24 dev eth0");
  await host.must(`ip link add stray0 link uplink netns ${stray.pid} type macvlan mode bridge`);
  await stray.must(`
    ip link set stray0 up
    ip address add 198.18.0.77/24 dev stray0
    ip address add fd00:198::77/64 dev stray0 nodad
    ip route add default via 198.18.0.2
    ip -6 route add default via fd00:198::2`);
  const options: InterceptionOptions = { port: 9254, run: host.run, follow: host.follow, readHost: () => FIT };
  return { host, ec2, stray, options };
}

test("the table is this one", () => {
  assert.equal(
    rulesetTexts([uplinkTable(["eth0", "eth1.100"], ALL_ADDRESSES)]).join(""),
    readFileSync("test/golden/kernel/uplinks.nft", "utf8"),
  );
});

for (const kind of ["nftables", "iptables"] as const) {
  test(`beside ${kind} a macvlan container reaches the real service without the guard, and not with it; the host does`, async (t) => {
    if (!hasMeans(t, missingMeans)) return;
    const { host, stray, options } = await macvlanLab(t);
    await new Interception({ ...options, kind }).up();
    assert.deepEqual(await ask(stray, METADATA4), { said: "REAL 198.18.0.77" }, "what there is to prevent");
    assert.deepEqual(await ask(stray, METADATA6), { said: "REAL fd00:198::77" });
    const guarding = new Interception({ ...options, kind, guardedUplinks: ["uplink"] });
    await guarding.up();
    for (const address of [METADATA4, METADATA6]) assert.deepEqual(await ask(stray, address), { failed: "TIMEOUT" });
    for (let i = 0; i < 5; i += 1) {
      assert.deepEqual(await ask(host, METADATA4), { said: "REAL 198.18.0.1" });
      assert.deepEqual(await ask(host, METADATA6), { said: "REAL fd00:198::1" });
    }
    const { isInPlace, counters } = await guarding.check();
    assert.equal(isInPlace, true);
    const packets = (rule: RegExp) =>
      counters.filter((one) => rule.test(one.rule)).reduce((sum, one) => sum + one.packets, 0);
    assert.ok(packets(/^dropped: macvlan's/) > 0);
    await new Interception({ ...options, kind }).up();
    assert.deepEqual(
      await ask(stray, METADATA4),
      { failed: "TIMEOUT" },
      "by hand, without a word of uplinks, it stays",
    );
    await new Interception({ ...options, kind, guardedUplinks: [] }).up();
    assert.deepEqual(await ask(stray, METADATA4), { said: "REAL 198.18.0.77" }, "no longer guarded");
    await guarding.up();
    assert.ok((await new Interception(options).down()).includes("table netdev taskrole"));
    assert.doesNotMatch(await host.must("nft list tables"), /taskrole/);
  });
}

test("the other end of a connection that a program of the host has closed hears the kernel's last words", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, ec2, options } = await macvlanLab(t);
  const guarding = new Interception({ ...options, guardedUplinks: ["uplink"] });
  await guarding.up();
  await ec2.tell({ do: "serve", name: "SLOW", port: 8080, afterMs: 2_500 });
  for (const address of [METADATA4, METADATA6])
    assert.deepEqual(await host.tell({ do: "ask", host: address, port: 8080 }), { failed: "TIMEOUT" });
  await new Promise((resolve) => setTimeout(resolve, 3_000)); // until both are answered, too late
  const { counters } = await guarding.check();
  const packets = (rule: RegExp) => counters.filter((one) => rule.test(one.rule)).map((one) => one.packets);
  assert.deepEqual(packets(/^dropped: macvlan's/), [0]);
  assert.ok(packets(/^let out: the end of a connection/).some((count) => count > 0));
});

for (const does of ["nft delete table netdev taskrole", "nft flush chain netdev taskrole guard", "nft flush ruleset"]) {
  test(`is noticed and mended: ${does}`, async (t) => {
    if (!hasMeans(t, missingMeans)) return;
    const { host, stray, options } = await macvlanLab(t);
    const guarding = new Interception({ ...options, guardedUplinks: ["uplink"], checkEveryMs: 600_000 });
    await guarding.up();
    const stopping = new AbortController();
    const mended = Promise.withResolvers<void>();
    const events = { onDrift: () => {}, onMended: () => mended.resolve(), onMendFailed: mended.reject };
    const watching = guarding.watch(events, stopping.signal);
    await new Promise((resolve) => setTimeout(resolve, 500)); // until nft's monitor listens
    await host.must(does);
    await mended.promise;
    assert.equal((await guarding.check()).isInPlace, true);
    assert.deepEqual(await ask(stray, METADATA4), { failed: "TIMEOUT" });
    stopping.abort();
    await watching;
  });
}

test("an interface that is not there is named, and what is guarded elsewhere is not missed", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, options } = await macvlanLab(t);
  const error = await new Interception({ ...options, guardedUplinks: ["uplink", "eth9"] })
    .up()
    .catch((reason: unknown) => reason);
  assert.ok(error instanceof InterceptionError);
  assert.equal(error.message, "Cannot guard eth9: this host has no such network interface.");
  assert.match(error.remedy, /^Correct the setting guardedUplinks/);
  assert.match(await host.must("nft list tables"), /table inet taskrole/, "the interception stands all the same");
  const guarding = new Interception({ ...options, guardedUplinks: ["anyname0"] });
  await guarding.up();
  await host.must("ip link del anyname0");
  const { parts } = await guarding.check();
  assert.ok(parts.some(({ name, state }) => name === "interface anyname0" && state === "absent"));
});

test("a kernel without the egress hook is named with the remedy", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, options } = await macvlanLab(t);
  const run: RunCommand = async (argv, given) =>
    argv[1]?.startsWith("add table netdev")
      ? { kind: "exited", code: 1, stdout: "", stderr: "Error: Could not process rule: Operation not supported" }
      : host.run(argv, given);
  const error = await new Interception({ ...options, run, guardedUplinks: ["uplink"] })
    .up()
    .catch((reason: unknown) => reason);
  assert.ok(error instanceof InterceptionError);
  assert.match(error.message, /^Cannot guard the uplinks\. .*Operation not supported$/s);
  assert.match(error.remedy, /^It takes Linux 5\.16 or later and nftables 1\.0\.1 or later\./);
});
