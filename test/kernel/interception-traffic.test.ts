import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { runHostProgram } from "../../src/kernel/host-programs.ts";
import { Interception, type InterceptionOptions } from "../../src/kernel/interception.ts";
import type { Answer } from "./lab-agent.ts";
import {
  answersDuring,
  CONTAINER_V4,
  CONTAINER_V6,
  HOST_V4,
  HOST_V6,
  hasMeans,
  type Namespace,
  type NetworkLab,
  openLab,
  whyNoLab,
} from "./network-lab.ts";

const missingMeans = await whyNoLab();
const PORT = 9254;
const IPV4 = "169.254.169.254";
const IPV6 = "fd00:ec2::254";

const REFUSED: Answer = { failed: "ECONNREFUSED" };
/** What the prohibition of the routing rules looks like from a container. */
const PROHIBITED: Readonly<Record<string, Answer>> = {
  [IPV4]: { failed: "EHOSTUNREACH" },
  [IPV6]: { failed: "EACCES" },
};

interface Lab extends NetworkLab {
  readonly interception: Interception;
  readonly options: InterceptionOptions;
}

async function lab(t: TestContext): Promise<Lab> {
  const opened = await openLab(t);
  const { run, follow } = opened.host;
  const readHost = () => ({ isLinux: true, mayChangeNetwork: true, hasIpv6: true });
  const options = { port: PORT, run, follow, readHost };
  return { ...opened, options, interception: new Interception(options) };
}

/** The lab with the rules loaded and the daemon listening. */
async function interceptingLab(t: TestContext): Promise<Lab> {
  const opened = await lab(t);
  await opened.interception.up();
  await serve(opened.host);
  return opened;
}

const serve = (host: Namespace) => host.tell({ do: "serve", name: "DAEMON", port: PORT });
const ask = (from: Namespace, host: string, port = 80) => from.tell({ do: "ask", host, port });

const packets = async ({ interception }: Lab, rule: RegExp): Promise<number> =>
  (await interception.check()).counters.find((counter) => rule.test(counter.rule))?.packets ?? assert.fail(`${rule}`);

test("without rules a container reaches the real service: the lab shows what is to be prevented", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { container } = await lab(t);
  assert.deepEqual(await ask(container, IPV4), { said: `REAL ${CONTAINER_V4}` });
  assert.deepEqual(await ask(container, IPV6), { said: `REAL ${CONTAINER_V6}` });
});

test("a container's requests come to the daemon, its address kept; the host's own go to the real service", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, container } = await interceptingLab(t);
  assert.deepEqual(await ask(container, IPV4), { said: `DAEMON ${CONTAINER_V4}` });
  assert.deepEqual(await ask(container, IPV6), { said: `DAEMON ${CONTAINER_V6}` });
  assert.deepEqual(await ask(host, IPV4), { said: "REAL 198.18.0.1" });
  assert.deepEqual(await ask(host, IPV6), { said: "REAL fd00:198::1" });
});

test("container credentials are asked of the daemon too, and without it of nobody", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, container } = await interceptingLab(t);
  for (const address of ["169.254.170.2", "169.254.170.23"])
    assert.deepEqual(await ask(container, address), { said: `DAEMON ${CONTAINER_V4}` });
  assert.deepEqual(await ask(container, "fd00:ec2::23"), { said: `DAEMON ${CONTAINER_V6}` });
  await host.tell({ do: "stop", port: PORT });
  for (const address of ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"])
    assert.deepEqual(await ask(container, address), REFUSED, address);
});

test("the same with bridged packets kept from the IP layer's rules, and with reverse path filters", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, container } = await interceptingLab(t);
  await host.must("sysctl -qw net.ipv4.conf.all.rp_filter=1");
  await host.run(["sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=0"]);
  assert.deepEqual(await ask(container, IPV4), { said: `DAEMON ${CONTAINER_V4}` });
});

test("a network that is made later is caught too, whatever its interface is called", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, container } = await interceptingLab(t);
  await host.must(`
    ip link add later type veth peer name eth1 netns ${container.pid}
    ip address add 10.9.9.1/24 dev later
    ip link set later up`);
  await container.must(`
    ip address add 10.9.9.2/24 dev eth1
    ip link set eth1 up
    ip route replace default via 10.9.9.1`);
  assert.deepEqual(await ask(container, IPV4), { said: "DAEMON 10.9.9.2" });
});

test("the daemon down means connection refused, and never the real service", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, container } = await interceptingLab(t);
  await host.tell({ do: "stop", port: PORT });
  assert.deepEqual(await ask(container, IPV4), REFUSED);
  assert.deepEqual(await ask(container, IPV6), REFUSED);
  await serve(host);
  assert.deepEqual(await ask(container, IPV4), { said: `DAEMON ${CONTAINER_V4}` });
});

test("all tables flushed: still not the real service for a container, and still for the host", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, container } = await interceptingLab(t);
  await host.must("nft flush ruleset");
  for (const address of [IPV4, IPV6]) assert.deepEqual(await ask(container, address), PROHIBITED[address]);
  assert.deepEqual(await ask(host, IPV4), { said: "REAL 198.18.0.1" });
  assert.deepEqual(await ask(host, IPV6), { said: "REAL fd00:198::1" });
});

test("routing rules lost: the table alone refuses other ports too", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, container, ec2 } = await interceptingLab(t);
  await ec2.tell({ do: "serve", name: "REAL", port: 8080 });
  for (const [family, addresses] of [
    ["", 3],
    ["-6 ", 2],
  ] as const) {
    const once = `ip ${family}rule del pref 90\nip ${family}rule del pref 91\n`;
    await host.must(once.repeat(addresses));
  }
  assert.deepEqual(await ask(container, IPV4), { said: `DAEMON ${CONTAINER_V4}` });
  assert.deepEqual(await ask(container, IPV4, 8080), REFUSED);
  assert.deepEqual(await ask(container, IPV6, 8080), REFUSED);
  assert.deepEqual(await ask(host, IPV4, 8080), { said: "REAL 198.18.0.1" });
});

test("another port of the metadata address is refused", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { container, ec2 } = await interceptingLab(t);
  await ec2.tell({ do: "serve", name: "REAL", port: 8080 });
  for (const address of [IPV4, IPV6]) {
    assert.deepEqual(await ask(container, address, 8080), PROHIBITED[address]);
    assert.deepEqual(await ask(container, address, PORT), PROHIBITED[address]);
  }
});

test("the daemon's port cannot be reached directly: not by a container, the host or another machine", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const opened = await interceptingLab(t);
  const { host, container, ec2 } = opened;
  const attempts = [
    ...[HOST_V4, HOST_V6, "198.18.0.1", "fd00:198::1"].map((address) => ask(container, address, PORT)),
    ...["127.0.0.1", "::1", HOST_V4, HOST_V6].map((address) => ask(host, address, PORT)),
    ...["198.18.0.1", "fd00:198::1"].map((address) => ask(ec2, address, PORT)),
  ];
  for (const answer of await Promise.all(attempts)) assert.deepEqual(answer, REFUSED);
  assert.equal(await packets(opened, /asked for directly/), attempts.length);
});

test("a link-local source address reaches nobody", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const opened = await interceptingLab(t);
  const { container } = opened;
  const linkLocal = /inet6 (fe80::[0-9a-f:]+)/.exec(await container.must("ip -6 address show dev eth0"))?.[1];
  assert.ok(linkLocal);
  const from = `${linkLocal}%eth0`;
  // The kernel does not say by which interface the reset to a link-local address has to go.
  assert.deepEqual(await container.tell({ do: "ask", host: IPV6, port: 80, from }), { failed: "TIMEOUT" });
  assert.ok((await packets(opened, /link-local/)) > 0);
});

test("a source address of another network is refused before a connection begins", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const opened = await interceptingLab(t);
  const { container, ec2 } = opened;
  const begun = "tcp flags & syn == syn counter";
  await ec2.load(`table inet seen {\n chain in {\n type filter hook prerouting priority -300\n ${begun}\n }\n }`);
  await container.must("ip address add 198.18.0.2/32 dev lo");
  // The reset goes where the address belongs, so that the container hears nothing.
  const answer = await container.tell({ do: "ask", host: IPV4, port: 80, from: "198.18.0.2" });
  assert.deepEqual(answer, { failed: "TIMEOUT" });
  assert.match(await ec2.must("nft list table inet seen"), /packets 0 /);
  assert.ok((await packets(opened, /does not belong to the interface/)) > 0);
});

test("what is on its way through the host to another machine's port of that number is left alone", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { container, ec2 } = await interceptingLab(t);
  await ec2.load(
    `table inet seen {\n chain in {\n type filter hook input priority -300\n tcp dport ${PORT} counter\n }\n }`,
  );
  // No way of the host leads back to it, as with a VPN whose answers go another way.
  await container.must("ip address add 203.0.113.7/32 dev lo");
  const answer = await container.tell({ do: "ask", host: "198.18.0.2", port: PORT, from: "203.0.113.7" });
  assert.deepEqual(answer, { failed: "TIMEOUT" });
  assert.doesNotMatch(await ec2.must("nft list table inet seen"), /packets 0 /);
});

test("nothing of ours leaves from the daemon's port outside a tracked connection", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const opened = await interceptingLab(t);
  const { host } = opened;
  await host.tell({ do: "stop", port: PORT });
  const answer = await host.tell({ do: "ask", host: "198.18.0.2", port: 80, fromPort: PORT });
  assert.deepEqual(answer, { failed: "TIMEOUT" });
  assert.ok((await packets(opened, /retransmissions/)) > 0);
});

test("an answer whose connection is tracked no more does not reach the address's next owner", async (t) => {
  const noConntrack = (await runHostProgram(["conntrack", "--version"])).kind === "missing";
  if (!hasMeans(t, missingMeans ?? (noConntrack ? "needs conntrack: forgets connections as Docker does" : undefined)))
    return;
  const opened = await interceptingLab(t);
  const { host, container } = opened;
  await container.load(
    `table inet seen {\n chain in {\n type filter hook input priority -300\n tcp sport ${PORT} counter\n }\n }`,
  );
  await host.tell({ do: "stop", port: PORT });
  await host.tell({ do: "serve", name: "LATE", port: PORT, afterMs: 600 });
  const answer = ask(container, IPV4);
  await new Promise((resolve) => setTimeout(resolve, 200));
  await host.must(`conntrack -D -s ${CONTAINER_V4}`);
  assert.deepEqual(await answer, { failed: "TIMEOUT" });
  assert.match(await container.must("nft list table inet seen"), /packets 0 /);
  assert.ok((await packets(opened, /retransmissions/)) > 0);
});

test("a hundred reloads under requests never let one through to the real service", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { interception, container } = await interceptingLab(t);
  const reload = async () => {
    for (let i = 0; i < 100; i += 1) await interception.up();
  };
  const answers = await answersDuring(reload, container, [IPV4, IPV6]);
  assert.deepEqual(
    [...answers.keys()].sort(),
    [`DAEMON ${CONTAINER_V4}`, `DAEMON ${CONTAINER_V6}`].map((said) => JSON.stringify({ said })),
  );
  assert.ok(
    [...answers.values()].every((count) => count > 20),
    `${[...answers.values()]} requests`,
  );
});

test("after down a container reaches the real service again", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { interception, container } = await interceptingLab(t);
  await interception.down();
  assert.deepEqual(await ask(container, IPV4), { said: `REAL ${CONTAINER_V4}` });
  assert.deepEqual(await ask(container, IPV6), { said: `REAL ${CONTAINER_V6}` });
});
