import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { droppingChains } from "../../src/install/dropping-chains.ts";
import { findingsOn } from "../../src/install/findings.ts";
import { foreignRules } from "../../src/install/foreign-rules.ts";
import { Interception } from "../../src/kernel/interception.ts";
import { CONTAINER_V4, CONTAINER_V6, hasMeans, Namespace, openLab, whyNoLab } from "../kernel/network-lab.ts";
import { inShell, listedRules } from "./rules-in-namespace.ts";
import { FIT, wishes } from "./surveys.ts";

const missingMeans = await whyNoLab();
const PORT = 9254;

/** What nft and iptables show of a host on which these commands were run. */
async function rulesAfter(t: TestContext, commands: string) {
  const namespace = await Namespace.open();
  t.after(() => namespace.close());
  await inShell(namespace, commands);
  return listedRules(namespace);
}

const DROP =
  "nft add table inet filter; nft 'add chain inet filter input { type filter hook input priority 0; policy drop; }'";
const FIREWALLD =
  "nft add table inet firewalld; nft 'add chain inet firewalld filter_INPUT { type filter hook input priority 10; policy accept; }'; " +
  "nft add rule inet firewalld filter_INPUT ct state established accept; nft add rule inet firewalld filter_INPUT counter reject with icmpx admin-prohibited";
const DROP_BOTH = "iptables -P INPUT DROP; ip6tables -P INPUT DROP";
const OLD_REMEDY = "-p tcp --dport 9254 -m conntrack --ctorigdst 169.254.169.254 -j ACCEPT";

const FIREWALLS: readonly [what: string, commands: string, chains: readonly string[]][] = [
  ["nothing", "true", []],
  ["a policy that drops", DROP, ["inet filter input"]],
  ["iptables' policies", DROP_BOTH, ["ip filter INPUT", "ip6 filter INPUT"]],
  ["a last rule of iptables'", "iptables -A INPUT -j REJECT --reject-with icmp-host-prohibited", ["ip filter INPUT"]],
  ["a reject at the end, as old firewalld's", FIREWALLD, ["inet firewalld filter_INPUT"]],
  [
    "firewalld of today, which lets in what was translated",
    `${FIREWALLD}; nft insert rule inet firewalld filter_INPUT ct status dnat accept`,
    [],
  ],
  ["a policy that drops what is forwarded", "iptables -P FORWARD DROP", []],
  ["a rule that drops some", "iptables -A INPUT -p tcp --dport 22 -j DROP", []],
  ["our port let in", `${DROP}; nft add rule inet filter input tcp dport 9254 accept`, []],
  [
    "our port let in by iptables, which does not overrule another chain",
    `${DROP}; iptables -A INPUT -p tcp --dport 9254 -j ACCEPT`,
    ["inet filter input"],
  ],
  [
    "our port let in for one family",
    `${DROP_BOTH}; iptables -A INPUT -p tcp --dport 9254 -j ACCEPT`,
    ["ip6 filter INPUT"],
  ],
  [
    "of four addresses one let in, as these pages said once",
    `iptables -P INPUT DROP; iptables -I INPUT ${OLD_REMEDY}`,
    ["ip filter INPUT"],
  ],
  [
    "each address let in by itself",
    `iptables -P INPUT DROP; for end in 169.254 170.2 170.23; do iptables -A INPUT -m conntrack --ctorigdst 169.254.$end -j ACCEPT; done`,
    [],
  ],
  [
    "what Docker forwards let through, which does not come to the host",
    "iptables -P INPUT DROP; iptables -A FORWARD -i docker0 -j ACCEPT",
    ["ip filter INPUT"],
  ],
  [
    "our port let in by a chain further on",
    `${DROP}; nft add chain inet filter own; nft add rule inet filter own tcp dport 9254 accept; nft add rule inet filter input jump own`,
    [],
  ],
  [
    "redirected requests let in by ufw's chain",
    "iptables -P INPUT DROP; iptables -N ufw-before-input; iptables -A INPUT -j ufw-before-input; " +
      "iptables -A ufw-before-input -p tcp --dport 9254 -m conntrack --ctstate DNAT -j ACCEPT",
    [],
  ],
  ["Docker's bridge let in", `${DROP}; nft add rule inet filter input iifname docker0 accept`, []],
  ["something else let in", `${DROP}; nft add rule inet filter input tcp dport 22 accept`, ["inet filter input"]],
];

for (const [what, commands, chains] of FIREWALLS) {
  test(`chains that drop containers' requests: ${what}`, async (t) => {
    if (!hasMeans(t, missingMeans)) return;
    const found = droppingChains(await rulesAfter(t, commands), PORT);
    assert.deepEqual(
      found.map(({ name }) => name),
      chains,
    );
  });
}

test("the handbook shows the commands that are printed", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const page = readFileSync("docs/interception.md", "utf8");
  const found = droppingChains(await rulesAfter(t, `${DROP}; ${DROP_BOTH}`), PORT);
  assert.equal(found.length, 3);
  for (const { opening } of found) assert.ok(page.includes(`\`${opening}\``), opening);
});

test("without nft, iptables alone tells, of each family for itself", () => {
  const drops = "*nat\n:INPUT ACCEPT [0:0]\nCOMMIT\n*filter\n:INPUT DROP [0:0]\nCOMMIT\n";
  const found = droppingChains({ nftables: undefined, iptables: undefined, ip6tables: drops }, PORT);
  assert.deepEqual(found, [
    {
      name: "ip6 filter INPUT",
      opening: "ip6tables -I INPUT -p tcp --dport 9254 -m conntrack --ctstate DNAT -j ACCEPT",
    },
  ]);
  assert.deepEqual(droppingChains({ nftables: undefined, iptables: undefined, ip6tables: undefined }, PORT), []);
});

/** What no host can do without. */
const NEIGHBOURS = "ip6tables -A INPUT -p ipv6-icmp -j ACCEPT";
const NFT_NEIGHBOURS = "nft add rule inet filter input meta l4proto ipv6-icmp accept";

const OPENED: readonly [what: string, commands: string, found: number][] = [
  ["nft's", `${DROP}; ${NFT_NEIGHBOURS}`, 1],
  ["iptables'", `${DROP_BOTH}; ${NEIGHBOURS}`, 2],
  ["both, one after the other", `${DROP}; ${NFT_NEIGHBOURS}; ${DROP_BOTH}; ${NEIGHBOURS}`, 3],
  ["firewalld's of old", `${FIREWALLD}; nft insert rule inet firewalld filter_INPUT meta l4proto ipv6-icmp accept`, 1],
];

const V4 = ["169.254.169.254", "169.254.170.2", "169.254.170.23"];
const V6 = ["fd00:ec2::254", "fd00:ec2::23"];

for (const [what, commands, found] of OPENED) {
  test(`what install prints lets a container's requests through a firewall, whichever address they are for, and ends the warning: ${what}`, async (t) => {
    if (!hasMeans(t, missingMeans)) return;
    const { host, container } = await openLab(t);
    const readHost = () => ({ isLinux: true, mayChangeNetwork: true, hasIpv6: true });
    await new Interception({ port: PORT, run: host.run, follow: host.follow, readHost }).up();
    await host.tell({ do: "serve", name: "DAEMON", port: PORT });
    await inShell(host, commands);
    const ask = (address: string) => container.tell({ do: "ask", host: address, port: 80, withinMs: 300 });
    for (const address of [...V4, ...V6]) assert.ok("failed" in (await ask(address)), `${address} is not dropped`);

    const look = async () =>
      findingsOn({ ...FIT, foreign: foreignRules(await listedRules(host), PORT) }, wishes()).map(
        ({ remedy }) => /keep it: (.*) \(more in /.exec(remedy)?.[1] ?? assert.fail(remedy),
      );
    const remedies = await look();
    assert.equal(remedies.length, found);
    for (const remedy of remedies) await inShell(host, remedy);
    for (const address of V4) assert.deepEqual(await ask(address), { said: `DAEMON ${CONTAINER_V4}` }, address);
    for (const address of V6) assert.deepEqual(await ask(address), { said: `DAEMON ${CONTAINER_V6}` }, address);
    assert.deepEqual(await look(), []);
  });
}
