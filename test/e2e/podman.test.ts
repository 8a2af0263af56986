import assert from "node:assert/strict";
import { test } from "node:test";
import { AddressAlone } from "../attack/support/address-alone.ts";
import { copyScripts, MODES, Pair } from "../attack/support/neighbours.ts";
import { TAKEOVERS, Thief } from "../attack/support/takeover.ts";
import { speakFromAnotherAddress } from "./support/another-address.ts";
import { requestText } from "./support/http-text.ts";
import { startLab } from "./support/lab.ts";
import { CREDENTIALS_PATH } from "./support/metadata-client.ts";
import { testThatNothingLeaked } from "./support/nothing-leaked.ts";
import { assertToldOnce, noticesOf } from "./support/notices.ts";
import { createPodman } from "./support/podman.ts";
import { eventually, run } from "./support/programs.ts";

/** podman as root with netavark, asked by its Docker-compatible service. */
const lab = await startLab({ createEngine: createPodman });
const { docker } = lab.engine;
const createNetwork = (...args: readonly string[]) => docker("network", "create", ...args);
const onInstance = (...command: readonly string[]) => run(lab.instance.onInstance(...command));

/** The lines of `interception status` that name an address, by address. */
async function boundAddresses(): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await lab.daemon.command("interception", "status", "--json");
  const { bindings } = JSON.parse(stdout) as { bindings: { address: string; veth: string; note: string }[] };
  return new Map(bindings.map(({ address, veth, note }) => [address, `${veth} ${note}`]));
}

for (const [what, args, role] of [
  ["a label", ["--label", "taskrole.role=labelled"], "labelled"],
  ["a variable", ["-e", "IAM_ROLE=from-env"], "from-env"],
  ["both, by the label", ["-e", "IAM_ROLE=from-env", "--label", "taskrole.role=labelled"], "labelled"],
] as const) {
  test(`a container that names its role by ${what} gets it`, async () => {
    const container = await lab.run({ args });
    assert.equal(await container.role(), role);
    await container.remove();
  });
}

test("a container that names no role has none, or the default one where there is one", async () => {
  const container = await lab.run();
  const ask = async () => await container.metadata.get(CREDENTIALS_PATH, await container.metadata.token());
  assert.equal((await ask()).status, 404);
  await lab.daemon.stop();
  await lab.daemon.start({ "default-role": "fallback" });
  assert.equal(await container.role(), "fallback");
  await lab.daemon.stop();
  await lab.daemon.start();
  assert.equal((await ask()).status, 404);
});

test("containers whose first act is a request are each themselves, one after the other and side by side", async () => {
  const turns = Array.from({ length: 8 }, (_, i) => `turn-${i}`);
  for (const role of turns.slice(0, 4)) {
    const container = await lab.run({ role, asksFirst: true });
    assert.equal((await container.firstIdentity()).roleName, role);
    await container.remove();
  }
  await Promise.all(
    turns.slice(4).map(async (role) => {
      const container = await lab.run({ role, asksFirst: true });
      assert.equal((await container.firstIdentity()).roleName, role);
    }),
  );
});

test("the daemon hears of containers although podman says nothing before the first event", async () => {
  const life = lab.daemon.current;
  await life.waitForLine((line) => line.includes("hearing of containers"));
  assert.ok(!lab.daemon.output.includes("not hearing of containers"));
});

test("the status lists each binding with its link, address and container", async () => {
  const container = await lab.run({ role: "listed" });
  const address = await container.address();
  assert.equal(await container.role(), "listed");
  const [link, name, id] = ((await boundAddresses()).get(address) ?? "").split(" ");
  assert.match(link ?? "", /^veth\d+$/);
  assert.deepEqual([name, id], [container.name, `(${container.id.slice(0, 12)})`]);
  await container.remove();
  await eventually(async () => assert.equal((await boundAddresses()).get(address), undefined));
});

await createNetwork("--subnet", "10.9.9.0/30", "one-seat");
const THE_SEAT = "10.9.9.2";

for (const end of ["stopped", "killed", "removed", "disconnected from its network"] as const) {
  test(`the connections of a container that is ${end} are reset, and the next at its address is itself`, async () => {
    const former = await lab.run({ network: "one-seat", role: "former" });
    assert.equal(await former.address(), THE_SEAT);
    const token = await former.metadata.token();
    const open = former.metadata.connect();
    const headers = { "X-aws-ec2-metadata-token": token, Connection: "keep-alive" };
    open.send(requestText({ path: CREDENTIALS_PATH, headers }));
    assert.equal((await open.answer())?.body, "former");
    if (end === "stopped") await docker("stop", "-t", "5", former.id);
    if (end === "killed") await docker("kill", former.id);
    if (end === "removed") await former.remove();
    if (end === "disconnected from its network") await docker("network", "disconnect", "one-seat", former.id);
    await eventually(async () => assert.equal((await boundAddresses()).get(THE_SEAT), undefined), 5_000);
    const connections = async () => await onInstance("ss", "-Htn", "state", "established", "sport = :9254");
    await eventually(async () => assert.ok(!(await connections()).includes(THE_SEAT)), 5_000);
    open.close();
    if (end !== "removed") await former.remove();
    const heir = await lab.run({ network: "one-seat", role: "heir", asksFirst: true });
    assert.equal(await heir.address(), THE_SEAT);
    assert.equal((await heir.firstIdentity()).roleName, "heir");
    assert.equal((await heir.metadata.get(CREDENTIALS_PATH, token)).status, 401);
    await heir.remove();
  });
}

test("a container that left its network and is there again, at the same address, before the daemon hears of it is served", async () => {
  const container = await lab.run({ network: "one-seat", role: "returned" });
  assert.equal(await container.role(), "returned");
  lab.daemon.current.signal("SIGSTOP");
  await docker("network", "disconnect", "one-seat", container.id);
  await docker("network", "connect", "one-seat", container.id);
  lab.daemon.current.signal("SIGCONT");
  assert.equal(await container.address(), THE_SEAT);
  await eventually(async () => assert.equal(await container.role(), "returned"), 15_000);
  await container.remove();
});

test("on networks of its own a container gets its role, over IPv4 and IPv6", async () => {
  await createNetwork("own");
  await createNetwork("--ipv6", "--subnet", "fd00:6::/64", "six");
  const own = await lab.run({ network: "own", role: "own", asksFirst: true });
  assert.equal((await own.firstIdentity()).roleName, "own");
  const six = await lab.run({ network: "six", role: "six" });
  assert.equal(await six.role(six.metadata.over6), "six");
});

test("a link's name that is used again on another bridge is its new owner's", async () => {
  const linkOf = async (address: string) => (await boundAddresses()).get(address)?.split(" ")[0];
  const former = await lab.run({ role: "former" });
  assert.equal(await former.role(), "former");
  const link = await linkOf(await former.address());
  assert.ok(link !== undefined);
  await former.remove();
  const heir = await lab.run({ network: "own", role: "heir", asksFirst: true });
  assert.equal((await heir.firstIdentity()).roleName, "heir");
  assert.equal(await linkOf(await heir.address("own")), link, "podman did not use the name again");
  await heir.remove();
});

test("a container that joins and leaves a network while it runs is itself at each of its addresses", async () => {
  const container = await lab.run({ role: "traveller" });
  assert.equal(await container.role(), "traveller");
  const home = await container.address("podman");
  await docker("network", "connect", "own", container.id);
  const away = await container.address("own");
  assert.equal(await container.role(), "traveller");
  await docker("network", "disconnect", "podman", container.id);
  assert.equal(await container.role(), "traveller");
  await eventually(async () => {
    const bound = await boundAddresses();
    assert.equal(bound.get(home), undefined);
    assert.match(bound.get(away) ?? "", new RegExp(container.name));
  });
});

test("a container in another's network is the other", async () => {
  const host = await lab.run({ role: "owner" });
  const guest = await lab.run({ role: "guest", network: `container:${host.id}` });
  assert.equal(await guest.role(), "owner");
});

test("while the podman service is away its containers are served, a new address gets 503, and all is well again after", async () => {
  const known = await lab.run({ role: "known" });
  assert.equal(await known.role(), "known");
  const credentials = await known.metadata.credentials();
  const shifty = await lab.run({ role: "shifty", args: ["--cap-add", "NET_ADMIN"] });
  assert.equal(await shifty.role(), "shifty");
  await speakFromAnotherAddress(shifty, { address: "10.88.77.77", gateway: "10.88.0.1" });
  const askedAsUnknown = async () => (await shifty.metadata.askToken()).status;
  assert.equal(await askedAsUnknown(), 403);
  for (const end of ["stop", "kill"] as const) {
    await lab.engine[end]();
    await eventually(async () => assert.ok(lab.daemon.output.includes("not hearing of containers")));
    assert.deepEqual(await known.metadata.credentials(), credentials);
    assert.equal(await askedAsUnknown(), 503);
    await lab.engine.start();
    await eventually(async () => assert.equal(await askedAsUnknown(), 403), 20_000);
    assert.equal(await known.role(), "known");
    const fresh = await lab.run({ role: `after-${end}`, asksFirst: true });
    assert.equal((await fresh.firstIdentity()).roleName, `after-${end}`);
  }
});

test("a container on an internal network alone is told of, and one in its network is not", async () => {
  await createNetwork("--internal", "inside");
  const container = await lab.run({ network: "inside", role: "insider" });
  const guest = await lab.run({ network: `container:${container.id}` });
  await eventually(() => assertToldOnce(lab, container, "inside"), 15_000);
  assert.deepEqual(await noticesOf(lab, guest), []);
  await docker("network", "connect", "own", container.id);
  await eventually(async () => assert.deepEqual(await noticesOf(lab, container), []), 15_000);
  assert.equal(await container.role(), "insider");
});

const LISTEN_SECONDS = 3;
/** As Docker gives every container, and podman none by itself. */
const NET_RAW = { args: ["--cap-add", "NET_RAW"] };

test("a neighbour speaks, listens and is served in another's name where addresses alone tell who asks, and cannot with bindings", async () => {
  await copyScripts(lab);
  const pairs = await Promise.all(MODES.map((mode) => Pair.start({ lab, mode, family: 4, container: NET_RAW })));
  const thief = await Thief.start(lab, 4);
  const addressAlone = new AddressAlone(lab);
  const undisturbed = () =>
    // A daemon that has just started asks podman about each container, and podman is slow.
    eventually(async () => {
      await onInstance("ip", "neigh", "flush", "dev", "podman0");
      await Promise.all(pairs.map((pair) => pair.victimIsServed()));
    }, 20_000);
  const spoofed = async () => {
    await undisturbed();
    return await Promise.all(pairs.map((pair) => pair.spoofed()));
  };
  const overheard = async () => {
    await undisturbed();
    return await Promise.all(pairs.map((pair) => pair.overheard(LISTEN_SECONDS)));
  };
  const takeovers = TAKEOVERS.filter(({ victimIs }) => victimIs === "alive");

  await lab.daemon.stop();
  for (const family of ["inet", "bridge"]) await onInstance("nft", "delete", "table", family, "taskrole");
  await addressAlone.begin();
  assert.deepEqual(
    (await spoofed()).slice(1).map((answer, i) => answer.endsWith(`${pairs[i + 1]?.role}`)),
    [true, true],
  );
  assert.ok((await overheard()).some(({ frames, text }) => frames > 0 && text.includes("victim-of-")));
  for (const takeover of takeovers) {
    await eventually(() => thief.victimIsServed());
    assert.ok((await thief.robs(takeover)).includes(`200 ${thief.victimsRole}`), takeover.withMac);
  }

  await addressAlone.end();
  assert.deepEqual(await spoofed(), ["", "", ""]);
  for (const { frames, text, asked } of await overheard()) {
    assert.deepEqual([frames, text], [0, ""]);
    assert.ok(asked > 10, `asked ${asked} times`);
  }
  for (const takeover of takeovers) {
    await eventually(() => thief.victimIsServed(), 20_000);
    assert.deepEqual(await thief.robs(takeover), [], takeover.withMac);
  }
  await eventually(() => thief.victimIsServed());
});

testThatNothingLeaked(lab);
