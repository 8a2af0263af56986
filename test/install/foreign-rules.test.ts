import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { foreignRules, likelyTool } from "../../src/install/foreign-rules.ts";
import { hasMeans, Namespace, whyNoLab } from "../kernel/network-lab.ts";

const missingMeans = await whyNoLab();

async function inShell(namespace: Namespace, commands: string): Promise<void> {
  assert.deepEqual(await namespace.run(["sh", "-ec", commands]), { kind: "exited", code: 0, stdout: "", stderr: "" });
}

/** What nft and iptables show of a host on which these commands were run. */
async function rulesAfter(t: TestContext, commands: string) {
  const namespace = await Namespace.open();
  t.after(() => namespace.close());
  await inShell(namespace, commands);
  const shown = async (...argv: readonly string[]) => {
    const outcome = await namespace.run(argv);
    return outcome.kind === "exited" ? outcome.stdout : assert.fail(JSON.stringify(outcome));
  };
  const nftables = await shown("nft", "-j", "list", "ruleset");
  return { nftables, iptables: `${await shown("iptables-save")}\n${await shown("ip6tables-save")}` };
}

const DROP = "nft add table inet f; nft 'add chain inet f in { type filter hook input priority 0; policy drop; }'";
const FIREWALLD =
  "nft add table inet firewalld; nft 'add chain inet firewalld filter_INPUT { type filter hook input priority 10; policy accept; }'; " +
  "nft add rule inet firewalld filter_INPUT ct state established accept; nft add rule inet firewalld filter_INPUT counter reject with icmpx admin-prohibited";
const LYFT =
  "iptables -t nat -A PREROUTING -i docker0 -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.1:8000";

const FIREWALLS: readonly [what: string, commands: string, chains: readonly string[]][] = [
  ["nothing", "true", []],
  ["a policy that drops", DROP, ["chain inet f in"]],
  ["iptables' policy", "iptables -P INPUT DROP", ["chain ip filter INPUT"]],
  ["firewalld's last rule", FIREWALLD, ["chain inet firewalld filter_INPUT"]],
  ["a policy that drops what is forwarded", "iptables -P FORWARD DROP", []],
  ["a rule that drops some", "iptables -A INPUT -p tcp --dport 22 -j DROP", []],
  ["our port let in", `${DROP}; nft add rule inet f in tcp dport 9254 accept`, []],
  [
    "our requests let in, as docs/interception.md says",
    "iptables -P INPUT DROP; iptables -I INPUT -p tcp --dport 9254 -m conntrack --ctorigdst 169.254.169.254 -j ACCEPT",
    [],
  ],
  [
    "what Docker forwards let through, which does not come to the host",
    "iptables -P INPUT DROP; iptables -A FORWARD -i docker0 -j ACCEPT",
    ["chain ip filter INPUT"],
  ],
  [
    "our port let in by a chain further on",
    `${DROP}; nft add chain inet f own; nft add rule inet f own tcp dport 9254 accept; nft add rule inet f in jump own`,
    [],
  ],
  ["Docker's bridge let in", `${DROP}; nft add rule inet f in iifname docker0 accept`, []],
  ["something else let in", `${DROP}; nft add rule inet f in tcp dport 22 accept`, ["chain inet f in"]],
];

for (const [what, commands, chains] of FIREWALLS) {
  test(`chains that drop containers' requests: ${what}`, async (t) => {
    if (!hasMeans(t, missingMeans)) return;
    assert.deepEqual(foreignRules(await rulesAfter(t, commands), 9254).droppingChains, chains);
  });
}

test("other tools' redirects are told by the commands that remove them, which do", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const namespace = await Namespace.open();
  t.after(() => namespace.close());
  const nft =
    "nft add table ip k; nft 'add chain ip k pre { type nat hook prerouting priority -100; }'; " +
    "nft add rule ip k pre ip daddr 169.254.169.254 tcp dport 80 dnat to 10.0.0.1:8181; nft add rule ip k pre tcp dport 81 redirect to :82";
  await inShell(namespace, `${LYFT}; ${nft}`);
  const look = async () => {
    const [nftables, iptables] = [await namespace.must("nft -j list ruleset"), await namespace.must("iptables-save")];
    return foreignRules({ nftables, iptables }, 9254).redirects;
  };
  const removals = await look();
  assert.equal(removals.length, 2);
  assert.match(
    removals.join("\n"),
    /nft delete rule ip k pre handle \d+\niptables -t nat -D PREROUTING .*172\.17\.0\.1:8000/,
  );
  for (const removal of removals) await inShell(namespace, removal);
  assert.deepEqual(await look(), []);
});

test("our own rules are nobody else's", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const ours =
    "nft add table inet taskrole; nft 'add chain inet taskrole in { type filter hook input priority 0; policy drop; }'";
  assert.deepEqual(foreignRules(await rulesAfter(t, ours), 9254), { droppingChains: [], redirects: [] });
});

test("without nft, iptables alone tells", () => {
  const iptables = "*filter\n:INPUT DROP [0:0]\nCOMMIT\n";
  assert.deepEqual(foreignRules({ nftables: undefined, iptables }, 9254).droppingChains, ["chain INPUT of iptables"]);
  assert.deepEqual(foreignRules({ nftables: undefined, iptables: undefined }, 9254).droppingChains, []);
});

test("whose rule it is is guessed by the tool's usual port", () => {
  const to = (port: number) => likelyTool(`iptables -t nat -D PREROUTING -j DNAT --to-destination 10.0.0.1:${port}`);
  assert.deepEqual([8000, 8181, 18000, 80].map(to), ["metadataproxy", "kube2iam", "ec2metaproxy", undefined]);
});
