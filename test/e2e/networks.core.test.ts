import assert from "node:assert/strict";
import { test } from "node:test";
import type { InterceptionStatus } from "../../src/kernel/interception-status.ts";
import { startLab } from "./support/lab.ts";
import { testThatNothingLeaked } from "./support/nothing-leaked.ts";
import { eventually, run } from "./support/programs.ts";
import { roleOf } from "./support/who-am-i.ts";

const lab = await startLab({ daemon: false });
const createNetwork = (...args: readonly string[]) => lab.engine.docker("network", "create", ...args);

await createNetwork("early-net");
await createNetwork("--opt", "com.docker.network.bridge.name=mybr0", "named-early");
await lab.daemon.start();
await createNetwork("late-net");
await createNetwork("--opt", "com.docker.network.bridge.name=mybr1", "named-late");
await createNetwork("--ipv6", "--subnet", "fd00:6::/64", "six");

for (const [what, network] of [
  ["the default bridge", "bridge"],
  ["a user network older than the daemon", "early-net"],
  ["a user network younger than the daemon", "late-net"],
  ["a network whose bridge has a name of its own, older than the daemon", "named-early"],
  ["a network whose bridge has a name of its own, younger than the daemon", "named-late"],
] as const) {
  test(`a container on ${what} gets its role`, async () => {
    const container = await lab.run({ network, role: `on-${network}` });
    assert.equal(await container.role(), `on-${network}`);
  });
}

test("a container on an IPv6 network gets its role over IPv6 and over IPv4", async () => {
  const container = await lab.run({ network: "six", role: "six", asksFirst: true });
  assert.equal(await container.role(container.metadata.over6), "six");
  assert.equal(await container.role(), "six");
});

test("the status names each binding: address, link, hardware address, whose it is, since when and how long", async () => {
  const container = await lab.run({ role: "listed" });
  const of = await lab.engine.docker(
    "inspect",
    "-f",
    "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.MacAddress}}{{end}}",
    container.id,
  );
  const [address, mac] = of.split(" ");
  assert.equal(await container.role(), "listed");
  const { stdout } = await lab.daemon.command("interception", "status");
  const line = stdout.split("\n").find((text) => text.includes(` ${address} `)) ?? assert.fail(stdout);
  assert.match(
    line,
    new RegExp(
      `${address} +veth\\w+ +${mac} +${container.name} \\(${container.id.slice(0, 12)}\\) since 20[\\dTZ:-]+Z, \\d+ s$`,
    ),
  );
});

/** By address. */
async function boundNotes(): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await lab.daemon.command("interception", "status", "--json");
  const { bindings } = JSON.parse(stdout) as Pick<InterceptionStatus, "bindings">;
  return new Map(bindings.map(({ address, note }) => [address, note]));
}

test("a container that never asks is bound all the same, at the address of each network that it has or joins", async () => {
  const container = await lab.run({ network: "late-net", role: "silent" });
  const isBound = async (network: string) => {
    const address = await container.address(network);
    await eventually(async () =>
      assert.match((await boundNotes()).get(address) ?? "", new RegExp(`^${container.name} `)),
    );
    return address;
  };
  await isBound("late-net");
  await lab.engine.docker("network", "connect", "early-net", container.id);
  const joined = await isBound("early-net");
  await lab.engine.docker("network", "disconnect", "early-net", container.id);
  await eventually(async () => assert.equal((await boundNotes()).get(joined), undefined));
  const asked = lab.daemon.log.filter(({ audit, container: name }) => audit !== undefined && name === container.name);
  assert.deepEqual(asked, []);
});

test("a container on two networks, and on a third that it joins while it runs, is always itself", async () => {
  const container = await lab.run({ network: "late-net", role: "traveller" });
  assert.equal(await container.role(), "traveller");
  await lab.engine.docker("network", "connect", "early-net", container.id);
  assert.equal(await container.role(), "traveller");
  await lab.engine.docker("network", "disconnect", "late-net", container.id);
  assert.equal(await container.role(), "traveller");
});

test("a container in another's network is the other", async () => {
  const host = await lab.run({ role: "owner" });
  const guest = await lab.run({ role: "guest", network: `container:${host.id}` });
  assert.equal(await guest.role(), "owner");
  assert.equal(await host.role(), "owner");
});

test("a container without a network reaches nothing", async () => {
  const { metadata } = await lab.run({ role: "hermit", network: "none" });
  assert.equal((await metadata.askToken()).status, "ENETUNREACH");
});

test("a container with the published port 80 gets its role", async () => {
  const container = await lab.run({ role: "web", args: ["-p", "80:80"] });
  assert.equal(await container.role(), "web");
});

test("on an internal network a container gets its role or nothing, never the host's", async () => {
  await createNetwork("--internal", "inside");
  const { metadata } = await lab.run({ network: "inside", role: "insider" });
  const { status, body } = await metadata.askToken();
  // Docker 20.10 gives such a network a default route; newer ones do not.
  assert.ok(status === 200 || status === "ENETUNREACH", `${status}: ${body}`);
});

test("the daemon's own port cannot be reached directly, nor another port of the metadata address", async () => {
  const container = await lab.run({ role: "direct" });
  const gateway = await lab.engine.docker(
    "inspect",
    "-f",
    "{{.NetworkSettings.Gateway}}{{range .NetworkSettings.Networks}} {{.Gateway}}{{end}}",
    container.id,
  );
  const doors = [
    { address: gateway.trim().split(" ").at(-1) ?? "", port: 9254 },
    { address: "198.18.0.1", port: 9254 },
    { address: "169.254.169.254", port: 9254 },
    { address: "169.254.169.254", port: 8080 },
    { address: "169.254.169.254", port: 443 },
  ];
  for (const door of doors) {
    const connection = container.connect(door);
    // Refused or unreachable; or silence, since the kernel limits how often it says "unreachable".
    assert.equal(await connection.opened(1_000), false, `${door.address}:${door.port}`);
    connection.close();
  }
});

test("emptied iptables and a restarted dockerd change nothing", async () => {
  const kept = await Promise.all(
    ["bridge", "late-net", "named-late", "six"].map(async (network) => {
      const container = await lab.run({ network, role: `kept-${network}` });
      const { roleName, arn, document } = await container.identity();
      assert.equal(roleOf(arn), `kept-${network}`);
      return { container, credentials: { roleName, document } };
    }),
  );
  // Without Docker's rules nothing is forwarded, to STS either: the same credentials are proof enough.
  const assertAllKept = async (): Promise<void> => {
    for (const { container, credentials } of kept)
      assert.deepEqual(await container.metadata.credentials(), credentials);
  };
  for (const table of ["filter", "nat", "mangle", "raw"]) {
    await run(lab.instance.onInstance("iptables", "-t", table, "-F"));
    await run(lab.instance.onInstance("ip6tables", "-t", table, "-F"));
  }
  await assertAllKept();
  await lab.engine.stop();
  await assertAllKept();
  await lab.engine.start();
  await assertAllKept();
  assert.equal(await (await lab.run({ network: "late-net", role: "after" })).role(), "after");
});

testThatNothingLeaked(lab);
