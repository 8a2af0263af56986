import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Asker, Container } from "./support/containers.ts";
import { IMAGES } from "./support/engine.ts";
import { startLab } from "./support/lab.ts";
import { CREDENTIALS_PATH } from "./support/metadata-client.ts";
import { testThatNothingLeaked } from "./support/nothing-leaked.ts";
import { assertToldOnce, noticesOf, warningsOf } from "./support/notices.ts";
import { eventually, run } from "./support/programs.ts";
import { engineName } from "./support/settings.ts";

/** What changed between Docker 20.10 and 28, and what was always odd: each with the right role, and nothing stale. */
const lab = await startLab();
const { docker } = lab.engine;

/** What Docker's command line cannot ask for in every version. @param path with the API's version */
async function post(path: string, body: object): Promise<void> {
  const call = ["curl", "-sS", "--fail-with-body", "--unix-socket", lab.engine.socket];
  await run([...call, "-H", "Content-Type: application/json", "-d", JSON.stringify(body), `http://docker${path}`]);
}

/** Containers that docker creates and a test starts later, or that it cannot create as wanted. */
const shared = `${lab.containers.folder}:${lab.containers.folder}`;
const askCommand = (name: string): readonly string[] => ["ask", `${lab.containers.folder}/${name}.sock`];

async function runWithMac(role: string, mac: string): Promise<Asker & { readonly name: string }> {
  const name = lab.containers.nextName();
  await post(`/v1.41/containers/create?name=${name}`, {
    Image: IMAGES.small,
    Cmd: askCommand(name),
    Labels: { "taskrole.role": role },
    MacAddress: mac,
    HostConfig: { NetworkMode: "n1", Binds: [shared] },
  });
  await docker("start", name);
  const asker = lab.containers.asker(name);
  await asker.ready();
  return Object.assign(asker, { name });
}

interface Bound {
  readonly veth: string;
  readonly macAddress: string;
  readonly note: string;
}

async function bound(): Promise<ReadonlyMap<string, Bound>> {
  const { stdout } = await lab.daemon.command("interception", "status", "--json");
  const { bindings } = JSON.parse(stdout) as { bindings: (Bound & { address: string })[] };
  return new Map(bindings.map(({ address, ...rest }) => [address, rest]));
}

const macOf = (container: Container): Promise<string> =>
  docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.MacAddress}}{{end}}", container.id);

/** The kernel's binding names this container, by the hardware address that its engine gave it. */
async function assertBoundRight(container: Container): Promise<Bound> {
  const found = (await bound()).get(await container.address()) ?? assert.fail(`${container.name} is not bound`);
  assert.match(found.note, new RegExp(`^${container.name} \\(${container.id.slice(0, 12)}\\)`));
  assert.equal(found.macAddress, await macOf(container));
  return found;
}

await docker("network", "create", "--subnet", "10.9.9.0/30", "one-seat");
await docker("network", "create", "n1");
await docker("network", "create", "n2");

test("a start that fails is told by no die: its address is the next container's, with that one's role", async () => {
  for (let round = 0; round < 3; round += 1) {
    const failing = ["--name", `failed-${round}`, "--network", "one-seat", "--label", "taskrole.role=failed"];
    await assert.rejects(docker("run", "-d", ...failing, IMAGES.small, "/no-such-program"), /no-such-program/);
    const heir = await lab.run({ network: "one-seat", role: `heir-${round}`, asksFirst: true });
    assert.equal(await heir.address(), "10.9.9.2");
    assert.equal((await heir.firstIdentity()).roleName, `heir-${round}`);
    await assertBoundRight(heir);
    await heir.remove();
    await docker("rm", `failed-${round}`);
  }
  await eventually(async () => assert.equal((await bound()).get("10.9.9.2"), undefined));
});

test("a container that fails to start where it ran before loses what it had", async () => {
  const failing = await lab.run({ network: "one-seat", role: "once", args: ["-v", `${lab.instance.folder}:/shared`] });
  const token = await failing.metadata.token();
  await docker("stop", "-t", "2", failing.id);
  await docker("network", "create", "doomed");
  await docker("network", "connect", "doomed", failing.id);
  await docker("network", "rm", "doomed");
  await assert.rejects(docker("start", failing.id), /not found/);
  const heir = await lab.run({ network: "one-seat", role: "heir", asksFirst: true });
  assert.equal((await heir.firstIdentity()).roleName, "heir");
  assert.equal((await heir.metadata.get(CREDENTIALS_PATH, token)).status, 401);
  await heir.remove();
  await docker("rm", failing.id);
});

test("live-restore tells nothing of the containers it takes back: those bound before and after are right", async () => {
  const before = await lab.run({ role: "before" });
  const silent = await lab.run({ role: "silent" });
  const credentials = await before.metadata.credentials();
  const { veth } = await assertBoundRight(before);
  await lab.engine.stop();
  await lab.engine.start();
  assert.deepEqual(await before.metadata.credentials(), credentials);
  assert.equal((await assertBoundRight(before)).veth, veth);
  assert.equal(await silent.role(), "silent");
  const after = await lab.run({ role: "after", asksFirst: true });
  assert.equal((await after.firstIdentity()).roleName, "after");
  for (const container of [before, silent, after]) await assertBoundRight(container);
  for (const container of [before, silent, after]) await container.remove();
});

test("containers of one hardware address on one network are each themselves, and bound each to its own link", async () => {
  const mac = "02:42:00:00:00:99";
  const twins = [await runWithMac("castor", mac), await runWithMac("pollux", mac)];
  for (const round of [1, 2, 3]) {
    for (const [i, role] of ["castor", "pollux"].entries()) {
      // The bridge learns with each packet on which of the two ports the hardware address is.
      assert.equal(await eventually(async () => await twins[i]?.role(), 20_000), role, `round ${round}`);
    }
  }
  const theirs = [...(await bound()).values()].filter(({ macAddress }) => macAddress === mac);
  assert.deepEqual(theirs.map(({ note }) => note.split(" ")[0]).sort(), twins.map(({ name }) => name).sort());
  assert.equal(new Set(theirs.map(({ veth }) => veth)).size, 2);
  for (const { name } of twins) await docker("rm", "-f", name);
});

test("a container that is started again is bound by the hardware address of its new life", async () => {
  const container = await lab.run({ network: "n1", role: "again" });
  assert.equal(await container.role(), "again");
  const macs = new Set([(await assertBoundRight(container)).macAddress]);
  for (let round = 0; round < 2; round += 1) {
    await docker("restart", "-t", "2", container.id);
    await container.ready();
    assert.equal(await container.role(), "again");
    macs.add((await assertBoundRight(container)).macAddress);
  }
  assert.equal(
    macs.size,
    engineName === "debian" ? 1 : 3,
    "Docker 28 and later give another at each start, 20.10 the address's own",
  );
  await container.remove();
});

test("a link's name that is used again on another bridge belongs to its new owner", async () => {
  const former = await lab.run({ network: "n1", role: "former" });
  assert.equal(await former.role(), "former");
  const { veth } = await assertBoundRight(former);
  await former.remove();
  const heir = await lab.run({ network: "n2", role: "heir" });
  assert.equal(await heir.role(), "heir");
  const { veth: given } = await assertBoundRight(heir);
  // Docker names links at random; podman counts from nought, and so uses names again.
  const rename = `ip link set ${given} down; ip link set ${given} name ${veth}; ip link set ${veth} up`;
  await run(lab.instance.onInstance("sh", "-ec", rename));
  await lab.daemon.stop();
  await lab.daemon.start();
  assert.equal(await heir.role(), "heir");
  assert.equal((await assertBoundRight(heir)).veth, veth);
  await heir.remove();
});

test("without live-restore dockerd comes back with another default bridge, and a container with another's address", async () => {
  await lab.engine.stop();
  await lab.engine.start({ liveRestore: false });
  const bridgeId = () => docker("network", "inspect", "-f", "{{.Id}}", "bridge");
  const formerBridge = await bridgeId();
  const former = await lab.run({ role: "former" });
  const keeper = await lab.run({ role: "keeper", args: ["--restart", "always"] });
  const tokens = [await former.metadata.token(), await keeper.metadata.token()];
  for (const container of [former, keeper])
    assert.equal(await container.role(), container === former ? "former" : "keeper");
  const [formerAddress, keepersFirst] = [await former.address(), await keeper.address()];
  assert.notEqual(formerAddress, keepersFirst);
  await lab.engine.stop();
  await lab.engine.start({ liveRestore: false });
  await keeper.ready();
  assert.notEqual(await bridgeId(), formerBridge);
  await eventually(async () =>
    assert.equal(await keeper.address(), formerAddress, "it has the other's former address"),
  );
  assert.equal(await keeper.role(), "keeper");
  for (const token of tokens) assert.equal((await keeper.metadata.get(CREDENTIALS_PATH, token)).status, 401);
  await assertBoundRight(keeper);
  const third = await lab.run({ role: "third", asksFirst: true });
  assert.equal((await third.firstIdentity()).roleName, "third");
  for (const token of tokens) assert.equal((await third.metadata.get(CREDENTIALS_PATH, token)).status, 401);
  for (const container of [former, keeper, third]) await container.remove();
});

test("a container that chose to have no network is told nothing, nor one that has a way out", async () => {
  const hermit = await lab.run({ network: "none", role: "hermit" });
  const plain = await lab.run({ role: "plain" });
  const host = await lab.run({ role: "host" });
  const guest = await lab.run({ network: `container:${host.id}`, role: "guest" });
  await sleep(3_000);
  for (const container of [hermit, plain, host, guest]) {
    assert.deepEqual(await noticesOf(lab, container), []);
    assert.deepEqual(warningsOf(lab, container), []);
  }
  for (const container of [hermit, plain, guest, host]) await container.remove();
});

if (engineName !== "debian") testsOfDocker28();
else {
  console.log("not on Docker 20.10, which has none of it: IPv6-only networks, gw-priority, networks without a way out");
  test("Docker 20.10 gives an internal network a way out: the container has its role, and nothing is said", async () => {
    await docker("network", "create", "--internal", "inside");
    const container = await lab.run({ network: "inside", role: "insider" });
    const token = await container.metadata.token();
    assert.equal((await container.metadata.get(CREDENTIALS_PATH, token)).body, "insider");
    assert.deepEqual(await noticesOf(lab, container), []);
    assert.deepEqual(warningsOf(lab, container), []);
  });
}

function testsOfDocker28(): void {
  test("on a network of IPv6 alone a container gets its role by fd00:ec2::254", async () => {
    const IPAM = { Config: [{ Subnet: "fd00:7::/64" }] };
    await post("/v1.48/networks/create", { Name: "only6", EnableIPv4: false, EnableIPv6: true, IPAM });
    const container = await lab.run({ network: "only6", role: "sixth" });
    assert.equal(await container.address(), "", "it has no IPv4 address");
    const { roleName, document } = await container.metadata.over6.credentials();
    assert.equal(roleName, "sixth");
    // STS has no IPv6 here: another container asks it whose credentials these are.
    const arn = await (await lab.run()).whoAmI(document);
    assert.match(arn, /:assumed-role\/sixth\//);
    assert.equal((await container.metadata.askToken()).status, "ENETUNREACH");
    assert.deepEqual(await noticesOf(lab, container), [], "it has a way");
    assert.ok(
      [...(await bound())].some(
        ([address, { note }]) => address.startsWith("fd00:7::") && note.startsWith(container.name),
      ),
    );
  });

  test("of two networks gw-priority chooses which address a container asks from: it is itself from either", async () => {
    for (const preferred of ["n1", "n2"]) {
      const name = lab.containers.nextName();
      const label = ["--label", `taskrole.role=to-${preferred}`];
      const other = preferred === "n1" ? "n2" : "n1";
      const made = ["--name", name, "--network", other, "-v", shared, ...label, IMAGES.small, ...askCommand(name)];
      await docker("create", ...made);
      await post(`/v1.48/networks/${preferred}/connect`, { Container: name, EndpointConfig: { GwPriority: 10 } });
      await docker("start", name);
      const asker = lab.containers.asker(name);
      await asker.ready();
      assert.equal(await asker.role(), `to-${preferred}`);
      const format = `{{(index .NetworkSettings.Networks "${preferred}").IPAddress}}`;
      const address = await docker("inspect", "-f", format, name);
      assert.match((await bound()).get(address)?.note ?? "", new RegExp(`^${name} `));
      const handOut = lab.daemon.log.find(({ audit, container }) => audit === "credentials" && container === name);
      assert.equal(handOut?.["peer"], address, "it asked from there");
      await docker("rm", "-f", name);
    }
  });

  for (const [what, args] of [
    ["an internal network", ["--internal"]],
    ["an isolated one", ["--internal", "--opt", "com.docker.network.bridge.gateway_mode_ipv4=isolated"]],
  ] as const) {
    test(`a container on ${what} alone is told of once, in the log and in the status, for as long as it is so`, async () => {
      await docker("network", "create", ...args, "inside");
      const container = await lab.run({ network: "inside", role: "insider" });
      assert.equal((await container.metadata.askToken()).status, "ENETUNREACH");
      await eventually(() => assertToldOnce(lab, container, "inside"), 15_000);
      const { stdout } = await lab.daemon.command("interception", "status");
      assert.match(
        stdout,
        new RegExp(`^Containers that cannot reach the metadata service:\n {2}${container.name} \\(`, "m"),
      );
      await docker("network", "connect", "n1", container.id);
      await eventually(async () => assert.deepEqual(await noticesOf(lab, container), []), 15_000);
      assert.equal(await container.role(), "insider");
      await docker("network", "disconnect", "n1", container.id);
      await eventually(() => assertToldOnce(lab, container, "inside"), 15_000);
      await container.remove();
      await eventually(async () => assert.deepEqual(await noticesOf(lab, container), []), 15_000);
      await docker("network", "rm", "inside");
    });
  }

  test("a container on an internal network and on another is not told of", async () => {
    await docker("network", "create", "--internal", "inside");
    const name = lab.containers.nextName();
    await docker("create", "--name", name, "--network", "inside", "-v", shared, IMAGES.small, ...askCommand(name));
    await docker("network", "connect", "n1", name);
    await docker("start", name);
    await sleep(3_000);
    assert.ok(!lab.daemon.log.some(({ msg, container }) => msg.includes("cannot reach") && container === name));
    await docker("rm", "-f", name);
  });

  test("what a daemon said that was killed is not said by the status; the next one says it again, and a clean stop takes it away", async () => {
    const container = await lab.run({ network: "inside", role: "insider" });
    const board = () => run(lab.instance.onInstance("ls", "/run/taskrole"));
    await eventually(async () => assert.equal((await noticesOf(lab, container)).length, 1), 15_000);
    await lab.daemon.kill();
    assert.match(await board(), /notices\.json/);
    assert.deepEqual(await noticesOf(lab, container), []);
    await lab.daemon.start();
    await eventually(async () => assert.equal((await noticesOf(lab, container)).length, 1), 15_000);
    await lab.daemon.stop();
    assert.doesNotMatch(await board(), /notices/);
  });
}

testThatNothingLeaked(lab);
