import assert from "node:assert/strict";
import { test } from "node:test";
import type { Destination } from "../e2e/support/ask.ts";
import type { Container } from "../e2e/support/containers.ts";
import { requestText } from "../e2e/support/http-text.ts";
import { ADDRESSES } from "../e2e/support/instance.ts";
import { startLab } from "../e2e/support/lab.ts";
import { CREDENTIALS_PATH } from "../e2e/support/metadata-client.ts";
import { eventually, run, tryRun } from "../e2e/support/programs.ts";
import { AddressAlone } from "./support/address-alone.ts";
import { failsWith, succeedsWithout } from "./support/evidence.ts";
import { attachmentOf, copyScripts } from "./support/neighbours.ts";

/** Ways to the daemon that are not the metadata address, and names from where they do not belong. */
const lab = await startLab({ daemon: false });
const addressAlone = new AddressAlone(lab);
const { onInstance } = addressAlone;
await copyScripts(lab);
await lab.engine.docker("network", "create", "--ipv6", "--subnet", "fd00:6::/64", "six");
await lab.engine.docker("network", "create", "--ipv6", "--subnet", "fd00:66::/64", "six-too");
await addressAlone.begin();
const victim = await lab.run({ role: "victim" });
const six = await lab.run({ role: "six", network: "six", image: "aws", args: ["--cap-add", "NET_ADMIN"] });
const other = await lab.run({ role: "other", network: "six-too", image: "aws" });
const at = {
  victim: await attachmentOf(lab, victim),
  six: await attachmentOf(lab, six),
  other: await attachmentOf(lab, other),
};
const PORT = 9254;

/** Every address of the instance that a container can send to. */
const DOORS: readonly { readonly from: Container; readonly to: readonly string[] }[] = [
  { from: victim, to: [at.victim.gateway4, "198.18.0.1", ADDRESSES.instance4, "169.254.169.254"] },
  { from: six, to: [at.six.gateway4, at.six.gateway6, "198.18.0.1", "fd00:198::1", ADDRESSES.instance6] },
];
const OUTSIDE = ["198.18.0.1", ADDRESSES.instance4, "[fd00:198::1]", `[${ADDRESSES.instance6}]`];

/** The addresses where a container gets any answer at the daemon's own port. */
async function openDoors(): Promise<readonly string[]> {
  const open: string[] = [];
  for (const { from, to } of DOORS) {
    for (const address of to) if (await isAnswered(from, { address, port: PORT })) open.push(address);
  }
  return open;
}

async function isAnswered(container: Container, to: Destination): Promise<boolean> {
  const connection = container.connect(to);
  connection.send(requestText({ path: CREDENTIALS_PATH }));
  const answer = await connection.answer(700);
  const hasOpened = await connection.opened(0);
  connection.close();
  return answer !== undefined || hasOpened;
}

/** The same, from the other side of the instance's wire. */
async function openFromOutside(): Promise<readonly string[]> {
  const open: string[] = [];
  for (const host of OUTSIDE) {
    const url = `http://${host}:${PORT}${CREDENTIALS_PATH}`;
    const { code } = await tryRun(lab.instance.atEc2("curl", "-sg", "--noproxy", "*", "-m", "1", url));
    if (code === 0) open.push(host);
  }
  return open;
}

const served = () =>
  eventually(async () => {
    assert.equal(await victim.role(), "victim");
    assert.equal(await six.role(six.metadata.over6), "six");
  });
await served();

succeedsWithout("port-from-container", async () => {
  const open = await openDoors();
  assert.ok(
    open.includes(at.victim.gateway4) && open.includes(at.six.gateway6) && open.includes("198.18.0.1"),
    `${open}`,
  );
  return `the daemon answers at ${new Set(open).size} addresses of the host`;
});

succeedsWithout("port-from-outside", async () => {
  const open = await openFromOutside();
  assert.deepEqual(open, OUTSIDE);
  return `the daemon answers at ${open.length} addresses of the host`;
});

const COUNTER = `table inet answers {
  counter victim4 { }
  counter victim6 { }
  chain output {
    type filter hook output priority -300
    tcp sport { 80, ${PORT} } tcp flags & (syn | ack) == syn | ack jump ofvictims
  }
  chain ofvictims {
    ip daddr ${at.victim.address4} counter name victim4
    ip6 daddr ${at.six.address6} counter name victim6
  }
}`;

type Family = 4 | 6;
const FAMILIES = [4, 6] as const;

/** Whether the host took a packet for the victim's, and answered the victim who had not asked. */
async function believed(attack: (family: Family) => Promise<unknown>, family: Family): Promise<boolean> {
  await onInstance(["nft", COUNTER]);
  await attack(family);
  const listed = await onInstance(["nft", "list", "counter", "inet", "answers", `victim${family}`]);
  await onInstance(["nft", "delete table inet answers"]);
  const packets = /packets (\d+)/.exec(listed)?.[1] ?? assert.fail(listed);
  return Number(packets) > 0;
}

const SPOOF = ["python3", `${lab.containers.folder}/spoof.py`, "own"];

/** A container on another bridge that sends with the victim's address. */
async function crossBridge(family: Family): Promise<void> {
  const said =
    family === 6
      ? await other.exec(...SPOOF, at.six.address6, at.six.mac, `${at.other.gateway4},${at.other.gateway6}`)
      : await six.exec(...SPOOF, at.victim.address4, at.victim.mac, at.six.gateway4);
  assert.ok(said.endsWith("no connection"), said);
}

/** Another machine on the instance's wire that does so. */
async function fromOutside(family: Family): Promise<void> {
  const name =
    family === 6
      ? [at.six.address6, at.six.mac, "198.18.0.1,fd00:198::1"]
      : [at.victim.address4, at.victim.mac, "198.18.0.1"];
  const said = await run(lab.instance.atEc2("env", "WIRE=ec20", ...SPOOF, ...name));
  assert.ok(said.endsWith("no connection"), said);
}

for (const [id, attack] of [
  ["other-bridge", crossBridge],
  ["outside-name", fromOutside],
] as const) {
  succeedsWithout(id, async () => {
    for (const family of FAMILIES) assert.equal(await believed(attack, family), true, `over IPv${family}`);
    return "the host answers it as the victim, over IPv4 and IPv6; the answer goes to the victim's bridge";
  });
}

/** The container speaks from its link-local address, which no engine knows. */
async function asksFromLinkLocal(): Promise<string> {
  const request = requestText({ path: CREDENTIALS_PATH, headers: { Host: `[${ADDRESSES.metadata6}]` } });
  const program = `
import socket
own = [line.split() for line in open("/proc/net/if_inet6") if line.startswith("fe80") and line.split()[5] == "eth0"][0][0]
peer = socket.socket(socket.AF_INET6)
peer.settimeout(1)
peer.bind((":".join(own[i:i + 4] for i in range(0, 32, 4)), 0, 0, int(open("/sys/class/net/eth0/ifindex").read())))
try:
    peer.connect(("${ADDRESSES.metadata6}", 80))
    peer.send(${JSON.stringify(request)}.encode())
    print("answered", peer.recv(12))
except OSError as error:
    print("refused", error)`;
  return await six.exec("python3", "-c", program);
}

succeedsWithout("link-local", async () => {
  const said = await asksFromLinkLocal();
  assert.match(said, /^answered/);
  return "the daemon is asked by an address that says nothing about who asks";
});

test("with taskrole's interception in place of the redirect everyone is served", async () => {
  await addressAlone.end();
  await served();
});

failsWith("port-from-container", async () => {
  assert.deepEqual(await openDoors(), []);
  return "no connection";
});

failsWith("port-from-outside", async () => {
  assert.deepEqual(await openFromOutside(), []);
  return "no connection";
});

for (const [id, attack] of [
  ["other-bridge", crossBridge],
  ["outside-name", fromOutside],
] as const) {
  failsWith(id, async () => {
    for (const family of FAMILIES) assert.equal(await believed(attack, family), false, `over IPv${family}`);
    await served();
    return "not a packet believed";
  });
}

failsWith("link-local", async () => {
  assert.match(await asksFromLinkLocal(), /^refused/);
  return "no connection";
});
