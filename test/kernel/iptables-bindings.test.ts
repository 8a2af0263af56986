import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ALL_ADDRESSES } from "../../src/kernel/intercepted-address.ts";
import { Interception } from "../../src/kernel/interception.ts";
import { InterceptionError } from "../../src/kernel/interception-error.ts";
import { IptablesBindingStore } from "../../src/kernel/iptables-binding-store.ts";
import { KernelBindings } from "../../src/kernel/kernel-bindings.ts";
import {
  ask,
  type IptablesLab,
  iptablesLab,
  MAC,
  METADATA4,
  METADATA6,
  neighbourOf,
  serve,
  takeOver,
  usableVariants,
  type Variant,
  withVariant,
} from "./iptables-lab.ts";
import { CONTAINER_V4, CONTAINER_V6, hasMeans, type Namespace, thousandOwners, whyNoLab } from "./network-lab.ts";

const missingMeans = await whyNoLab();
const usable = missingMeans === undefined ? await usableVariants() : [];
const CLAIMED = [CONTAINER_V4, CONTAINER_V6];
const isServed = async (from: Namespace, address: string): Promise<boolean> => "said" in (await ask(from, address));

/** The daemon runs, and nothing is bound yet. */
async function runningLab(t: TestContext, variant: Variant) {
  const lab = await iptablesLab(t, variant);
  await lab.interception.up();
  await serve(lab.host);
  const owner = (address: string) => ({ address, macAddress: MAC, name: "web (0123)", pid: lab.container.pid });
  return { ...lab, owner };
}

/** The daemon's watch, and its next mending. */
/** Until the test is over, however it ends. */
function watched(t: TestContext, { interception }: IptablesLab) {
  const stopping = new AbortController();
  const mended = Promise.withResolvers<readonly string[]>();
  let wrong: readonly string[] = [];
  const events = {
    onDrift: ({ parts }: { parts: readonly { name: string; state: string }[] }) => {
      wrong = parts.filter(({ state }) => state !== "present").map(({ name }) => name);
    },
    onMended: () => mended.resolve(wrong),
    onMendFailed: (error: unknown) => mended.reject(error),
  };
  const done = interception.watch(events, stopping.signal);
  const stop = () => {
    stopping.abort();
    return done;
  };
  t.after(() => stopping.abort());
  return { mended: mended.promise, stop };
}

for (const variant of ["nft", "legacy"] as const) {
  const missing =
    missingMeans ?? (usable.includes(variant) ? undefined : `needs iptables-${variant} and its kernel part`);

  test(`${variant}: an address that is not bound is served to whoever has it: what there is to prevent`, async (t) => {
    if (!hasMeans(t, missing)) return;
    const lab = await runningLab(t, variant);
    const neighbour = await neighbourOf(t, lab);
    await takeOver(lab, neighbour);
    assert.deepEqual(await ask(neighbour, METADATA4), { said: `DAEMON ${CONTAINER_V4}` });
    assert.deepEqual(await ask(neighbour, METADATA6), { said: `DAEMON ${CONTAINER_V6}` });
  });

  test(`${variant}: a bound address is served to its owner on every intercepted address, and on another port to nobody`, async (t) => {
    if (!hasMeans(t, missing)) return;
    const lab = await runningLab(t, variant);
    const neighbour = await neighbourOf(t, lab);
    for (const address of CLAIMED) assert.ok((await lab.interception.enforce(lab.owner(address))).isInForce());
    for (const { address } of ALL_ADDRESSES) assert.ok(await isServed(lab.container, address), address);
    await lab.interception.up();
    await takeOver(lab, neighbour);
    for (const { address } of ALL_ADDRESSES) assert.ok(!(await isServed(neighbour, address)), address);
    const by = new Interception(lab.options);
    const note = "web (0123) since 2026-01-02T03:04:05Z";
    assert.deepEqual(
      (await by.check()).bindings,
      CLAIMED.map((address) => ({ address, veth: "veth1", macAddress: MAC, note })),
    );
    await by.up();
    assert.equal(
      (await lab.interception.check()).isInPlace,
      true,
      "a command by hand must not end the daemon's bindings",
    );
  });

  test(`${variant}: with another hardware address even the owner's port is not the owner's`, async (t) => {
    if (!hasMeans(t, missing)) return;
    const lab = await runningLab(t, variant);
    await lab.bindings.enforce({ ...lab.owner(CONTAINER_V4), macAddress: "02:42:AC:11:00:99" });
    assert.ok(!(await isServed(lab.container, METADATA4)));
  });

  test(`${variant}: what is released is free again, also when the rules are loaded meanwhile; the later owner stands`, async (t) => {
    if (!hasMeans(t, missing)) return;
    const lab = await runningLab(t, variant);
    const neighbour = await neighbourOf(t, lab);
    const first = await lab.bindings.enforce(lab.owner(CONTAINER_V4));
    const reloading = lab.interception.up();
    first.release();
    await Promise.all([reloading, lab.interception.up()]);
    assert.equal(first.isInForce(), false);
    assert.equal((await lab.interception.check()).isInPlace, true);
    const again = await lab.bindings.enforce(lab.owner(CONTAINER_V4));
    await takeOver(lab, neighbour);
    const both = await Promise.all([
      lab.bindings.enforce({ ...lab.owner(CONTAINER_V4), pid: neighbour.pid }),
      lab.bindings.enforce({ ...lab.owner(CONTAINER_V4), pid: neighbour.pid }),
    ]);
    assert.equal(again.isInForce(), false);
    assert.deepEqual(both.map((one) => one.isInForce()).sort(), [false, true]);
    assert.ok(await isServed(neighbour, METADATA4));
    assert.equal((await lab.interception.check()).isInPlace, true, "a rule of a former owner is left over");
  });

  for (const does of [
    "iptables -t raw -F",
    "iptables -t raw -F TASKROLE-BOUND",
    "iptables -t raw -I PREROUTING -j ACCEPT",
    "iptables -t raw -D TASKROLE-BOUND -s 172.17.0.2 -m comment --comment NOTE -j DROP",
  ]) {
    test(`${variant}: ends all bindings until the table is mended: ${does}`, async (t) => {
      if (!hasMeans(t, missing)) return;
      const lab = await runningLab(t, variant);
      const held = await lab.bindings.enforce(lab.owner(CONTAINER_V4));
      const { mended, stop } = watched(t, lab);
      const argv = does
        .split(" ")
        .map((word) => (word === "NOTE" ? "dropped: requests in another container's name" : word));
      assert.deepEqual(await lab.run(argv), { kind: "exited", code: 0, stdout: "", stderr: "" });
      await mended;
      assert.equal(held.isInForce(), false);
      assert.equal((await lab.interception.check()).isInPlace, true);
      assert.equal((await lab.bindings.enforce(lab.owner(CONTAINER_V4))).isInForce(), true);
      await stop();
    });
  }

  test(`${variant}: what is lost in the tables nat and filter is mended and ends no binding`, async (t) => {
    if (!hasMeans(t, missing)) return;
    const lab = await runningLab(t, variant);
    const held = await lab.bindings.enforce(lab.owner(CONTAINER_V4));
    const { mended, stop } = watched(t, lab);
    await lab.run(["iptables", "-t", "nat", "-F"]);
    assert.deepEqual(await mended, [
      "iptables nat PREROUTING to TASKROLE-PREROUTING",
      "iptables nat chain TASKROLE-PREROUTING",
    ]);
    assert.equal(held.isInForce(), true);
    assert.ok(await isServed(lab.container, METADATA4));
    await stop();
  });

  test(`${variant}: a thousand at once go in few transactions, all acknowledged`, async (t) => {
    if (!hasMeans(t, missing)) return;
    const lab = await iptablesLab(t, variant);
    let runs = 0;
    const store = new IptablesBindingStore((argv, options) => {
      runs += 1;
      return withVariant(lab.host.run, variant)(argv, options);
    });
    const finder = { find: () => Promise.resolve("veth1") };
    const bindings = new KernelBindings({ run: lab.run, now: () => 0, store, finder });
    const interception = new Interception({ ...lab.options, bindings });
    await interception.up();
    const held = await Promise.all(thousandOwners(MAC).map((one) => bindings.enforce(one)));
    assert.ok(held.every((one) => one.isInForce()));
    assert.ok(runs <= 8, `${runs} runs of iptables-restore`);
    await interception.up();
    assert.equal((await interception.check()).isInPlace, true);
  });

  test(`${variant}: where bridged packets are not shown to iptables, addresses alone count, and it is said`, async (t) => {
    if (!hasMeans(t, missing)) return;
    const lab = await iptablesLab(t, variant);
    await lab.host.must("sysctl -qw net.bridge.bridge-nf-call-iptables=0");
    await lab.interception.up();
    await serve(lab.host);
    const held = await lab.interception.enforce({ address: CONTAINER_V4, macAddress: MAC, name: "web", pid: 1 });
    assert.equal(held.isInForce(), true);
    assert.deepEqual(lab.bindings.bound, []);
    assert.deepEqual(await ask(lab.container, METADATA4), { said: `DAEMON ${CONTAINER_V4}` });
    const { isInPlace, warnings } = await lab.interception.check();
    assert.equal(isInPlace, true);
    assert.deepEqual(
      warnings.map((warning) => warning.split(":")[0]),
      [
        "With iptables a container's answers are not protected",
        "Containers are told apart by their IPv4 address alone, because net.bridge.bridge-nf-call-iptables is 0",
      ],
    );
    assert.ok(
      (
        await lab.interception.enforce({ address: CONTAINER_V6, macAddress: MAC, name: "web", pid: lab.container.pid })
      ).isInForce(),
    );
    assert.deepEqual(
      lab.bindings.bound.map(({ address }) => address),
      [CONTAINER_V6],
      "the other family is bound all the same",
    );
  });

  test(`${variant}: bridged packets hidden from iptables later end all bindings, and nobody is served on an address alone`, async (t) => {
    if (!hasMeans(t, missing)) return;
    const lab = await runningLab(t, variant);
    const held = await lab.interception.enforce(lab.owner(CONTAINER_V4));
    const { mended, stop } = watched(t, lab);
    await lab.host.must("sysctl -qw net.bridge.bridge-nf-call-iptables=0");
    const error = await mended.catch((reason: unknown) => reason);
    assert.ok(error instanceof InterceptionError);
    assert.match(
      error.message,
      /^Cannot tie addresses .* any more, because net\.bridge\.bridge-nf-call-iptables is 0\.$/,
    );
    assert.match(error.remedy, /sysctl -w net\.bridge\.bridge-nf-call-iptables=1/);
    assert.equal(held.isInForce(), false);
    await assert.rejects(
      lab.interception.enforce(lab.owner(CONTAINER_V4)),
      /the table of the bindings is not in place/,
    );
    await stop();
  });
}

test("a kernel without the matches of the bindings: addresses alone count, and it is said", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const [variant] = usable;
  if (!hasMeans(t, variant === undefined ? "needs iptables and its kernel part" : undefined) || !variant) return;
  const lab = await iptablesLab(t, variant);
  const run: typeof lab.run = async (argv, options) =>
    options?.stdin?.includes("TASKROLE-PROBE")
      ? { kind: "exited", code: 2, stdout: "", stderr: "iptables-restore: Couldn't load match `physdev'" }
      : lab.run(argv, options);
  const interception = new Interception({ ...lab.options, run, bindings: lab.bindings });
  await interception.up();
  const { isInPlace, warnings } = await interception.check();
  assert.equal(isInPlace, true);
  assert.match(warnings[1] ?? "", /address alone, because iptables-restore: Couldn't load match `physdev'/);
});
