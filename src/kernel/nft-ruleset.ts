import type { ContainerCgroup } from "./container-cgroups.ts";
import { INTERCEPTED_PORT, type InterceptedAddress } from "./intercepted-address.ts";

export interface NftRule {
  /** The rule in nft's own words, without its comment. */
  readonly text: string;
  /** Unique in its table: says what the rule is for, and names it when the kernel's rules are checked. */
  readonly comment: string;
}

/** Where a chain begins; a chain without one is only jumped to. */
export interface NftHook {
  readonly type: "nat" | "filter";
  readonly hook: "prerouting" | "input" | "forward" | "output" | "postrouting" | "egress";
  /** The interface of an egress hook. */
  readonly device?: string;
  readonly priority: NftPriority;
}

/** As it is written and as it is listed: the names of priorities differ between the families. */
export interface NftPriority {
  readonly words: string;
  readonly value: number;
}

/** A set that the daemon fills. */
export interface NftSet {
  readonly name: string;
  /** "ipv4_addr" or "ifname . ether_addr . ipv4_addr" */
  readonly type: string;
  /** In nft's own words, e.g. `"veth1" . 02:42:ac:11:00:02 . 172.17.0.2`. */
  readonly elements: readonly string[];
}

export interface NftChain {
  readonly name: string;
  readonly base?: NftHook;
  readonly rules: readonly NftRule[];
}

export interface NftTable {
  readonly family: "inet" | "bridge" | "netdev";
  readonly name: string;
  readonly sets?: readonly NftSet[];
  readonly chains: readonly NftChain[];
}

/** Of the inet family, by number: https://wiki.nftables.org/wiki-nftables/index.php/Netfilter_hooks */
const STANDARD_PRIORITY = { dstnat: -100, filter: 0 } as const;

/**
 * How far before the standard priority our chains run: in a nat hook the first match decides, and with port 80
 * published and 169.254.169.254 held by the host, Docker's own rule at dstnat would take the packet.
 */
const LEAD = 10;

const before = (name: keyof typeof STANDARD_PRIORITY): NftPriority => ({
  words: `${name} - ${LEAD}`,
  value: STANDARD_PRIORITY[name] - LEAD,
});

export const POLICY = "accept";

/** "inet taskrole", as nft's commands and its monitor name a table. */
export const tableName = ({ family, name }: NftTable): string => `${family} ${name}`;

/** What is intercepted, and where to. */
export interface Redirection {
  /** Where the daemon listens, on every address of this host. */
  readonly port: number;
  readonly addresses: readonly InterceptedAddress[];
  /** Undefined: every process of this host reaches the real service. */
  readonly ofThisHost?: KeptProcesses | undefined;
}

/** Which of this host's own processes are kept from the real service. */
export interface KeptProcesses {
  /** Containers on the host's network; undefined where they are not told from other processes. */
  readonly cgroups: readonly ContainerCgroup[] | undefined;
  /** Whose packets are refused. */
  readonly users: readonly UserRange[];
}

/** Users by number, both ends included. */
export interface UserRange {
  readonly from: number;
  readonly to: number;
}

/** Everything that brings containers' requests to the addresses to `port` of this host, and nothing else to it. */
export const interceptionTable = (to: Redirection): NftTable => ({
  family: "inet",
  name: "taskrole",
  chains: [
    redirectChain(to),
    inputChain(to),
    daemonPortChain(to),
    forwardChain(to),
    denyChain,
    ...hostChains(to),
    outputChain(to),
  ],
});

/** "ip daddr 169.254.169.254" */
const destination = ({ family, address }: InterceptedAddress): string => `${IP_WORD[family]} daddr ${address}`;
const IP_WORD = { ipv4: "ip", ipv6: "ip6" } as const;

/** "ip daddr { 169.254.169.254, … }" */
export const anyOf = (
  family: InterceptedAddress["family"],
  field: "daddr" | "saddr",
  addresses: readonly InterceptedAddress[],
): string => {
  const list = addresses.filter((one) => one.family === family).map(({ address }) => address);
  return `${IP_WORD[family]} ${field} { ${list.join(", ")} }`;
};

/**
 * The rules match by destination, not by interface: bridges of any name, and those made later, are caught.
 * A packet that the host sends to itself passes here too, by way of "lo"; its requests to the real service do not.
 */
const redirectChain = ({ port, addresses }: Redirection): NftChain => ({
  name: "prerouting",
  base: { type: "nat", hook: "prerouting", priority: before("dstnat") },
  rules: [
    { text: 'iifname "lo" return', comment: "what the host sends to itself stays as it is" },
    ...addresses.map((address) => ({
      text: `${destination(address)} tcp dport ${INTERCEPTED_PORT} counter redirect to :${port}`,
      comment: `containers' ${address.requests} go to port ${port} of this host`,
    })),
  ],
});

const inputChain = ({ port }: Redirection): NftChain => ({
  name: "input",
  base: { type: "filter", hook: "input", priority: before("filter") },
  rules: [{ text: `tcp dport ${port} jump daemon_port`, comment: `judge whoever comes to port ${port}` }],
});

/** The source address is who a container is, so it must be one that answers would go back to by the same way. */
const daemonPortChain = ({ port, addresses, ofThisHost }: Redirection): NftChain => ({
  name: "daemon_port",
  rules: [
    {
      text: "fib saddr . iif oif missing counter reject with tcp reset",
      comment: "refused: the source address does not belong to the interface it came by",
    },
    {
      text: "ip6 saddr fe80::/10 counter reject with tcp reset",
      comment: "refused: a link-local source address says nothing about who asks",
    },
    ...(ofThisHost?.cgroups ? [FORGED_ON_THIS_HOST] : []),
    ...addresses.map((address) => ({
      text: `ct original ${destination(address)} counter accept`,
      comment: `let in: redirected ${address.packets} requests`,
    })),
    {
      text: "counter reject with tcp reset",
      comment: `refused: port ${port} asked for directly instead of the metadata address`,
    },
  ],
});

/** What is redirected on its way out comes in by the loopback, by which every source address seems to lead back. */
const FORGED_ON_THIS_HOST: NftRule = {
  text: 'iifname "lo" fib saddr type != local counter reject with tcp reset',
  comment: "refused: sent by this host in the name of an address that is not its own",
};

/** Other ports, other protocols, and connections opened before the table was loaded. */
const forwardChain = ({ addresses }: Redirection): NftChain => ({
  name: "forward",
  base: { type: "filter", hook: "forward", priority: before("filter") },
  rules: addresses.map((address) => ({
    text: `${destination(address)} jump deny`,
    comment: `no ${address.packets} packet is forwarded to the real service`,
  })),
});

const denyChain: NftChain = {
  name: "deny",
  rules: [
    {
      text: "meta l4proto tcp counter reject with tcp reset",
      comment: "refused: TCP on its way to the real service",
    },
    { text: "counter reject", comment: "refused: other packets on their way to the real service" },
  ],
};

/**
 * When a container leaves a network, Docker deletes the conntrack entries of its address. What the kernel still
 * retransmits to it would then leave without its translation, and reach the address's next owner: it counts as a new
 * connection. "related" are the resets by which {@link daemonPortChain} refuses.
 */
const outputChain = ({ port, addresses, ofThisHost }: Redirection): NftChain => ({
  name: "output",
  base: { type: "filter", hook: "output", priority: before("filter") },
  rules: [
    {
      text: `tcp sport ${port} oifname != "lo" ct state != { established, related } counter drop`,
      comment: "dropped: retransmissions of an answer whose connection is no longer tracked",
    },
    ...(ofThisHost ? addresses : []).map((address) => ({
      text: `${destination(address)} jump host_deny`,
      comment: `judge ${address.packets} packets of this host's own processes`,
    })),
  ],
});

/** What a process sends has the cgroup that its socket was made in: a container's from its very first. */
function hostChains(to: Redirection): readonly NftChain[] {
  if (to.ofThisHost === undefined) return [];
  const { cgroups, users } = to.ofThisHost;
  const deny: NftChain = {
    name: "host_deny",
    rules: [...(cgroups ?? []).map(refusedCgroup), ...users.map(refusedUsers)],
  };
  return cgroups ? [hostRedirectChain(to), containerRedirectChain(to, cgroups), deny] : [deny];
}

/** nft knows the name "dstnat" in no other hook than prerouting. */
const BEFORE_DSTNAT: NftPriority = {
  words: `${STANDARD_PRIORITY.dstnat - LEAD}`,
  value: STANDARD_PRIORITY.dstnat - LEAD,
};

const hostRedirectChain = ({ addresses }: Redirection): NftChain => ({
  name: "host_redirect",
  base: { type: "nat", hook: "output", priority: BEFORE_DSTNAT },
  rules: addresses.map((address) => ({
    text: `${destination(address)} jump container_redirect`,
    comment: `judge ${address.requests} of this host's own processes`,
  })),
});

const containerRedirectChain = ({ port }: Redirection, cgroups: readonly ContainerCgroup[]): NftChain => ({
  name: "container_redirect",
  rules: cgroups.map((cgroup) => ({
    text: `tcp dport ${INTERCEPTED_PORT} ${matchingCgroup(cgroup)} counter redirect to :${port}`,
    comment: `host-network containers of ${cgroupName(cgroup)} go to port ${port}`,
  })),
});

/** What is not redirected: other ports, other protocols, and connections opened before the table was loaded. */
const refusedCgroup = (cgroup: ContainerCgroup): NftRule => ({
  text: `${matchingCgroup(cgroup)} counter jump deny`,
  comment: `refused: host-network containers of ${cgroupName(cgroup)}`,
});

const refusedUsers = ({ from, to }: UserRange): NftRule => ({
  text: `meta skuid ${from === to ? from : `${from}-${to}`} counter jump deny`,
  comment: `refused: processes of the users ${from} to ${to}`,
});

const matchingCgroup = ({ level, path }: ContainerCgroup): string => `socket cgroupv2 level ${level} "${path}"`;

/** With its inode, so that the rule of a cgroup that was removed and made again is found to be another's. */
const cgroupName = ({ name, inode }: ContainerCgroup): string => `${name} (cgroup ${inode})`;

/**
 * One transaction that replaces the tables: the same text at the first start, after a crash and while requests are
 * coming in, and at no moment is a table missing. `add` before `delete` makes it idempotent; `destroy table` would
 * say the same and is a syntax error in nft 1.0.6.
 *
 * Several texts, because nft takes them as arguments and the kernel limits one argument to 128 KiB: one for each table,
 * and one for each 500 elements of its sets.
 */
export const rulesetTexts = (tables: readonly NftTable[]): readonly string[] =>
  tables.flatMap((table) => [replacement(table), ...(table.sets ?? []).flatMap((set) => elementTexts(table, set))]);

/** Removes the table, be it there or not, and touches no other. */
export const removalText = (table: NftTable): string =>
  `add table ${tableName(table)}\ndelete table ${tableName(table)}\n`;

const replacement = (table: NftTable): string =>
  `${removalText(table)}table ${tableName(table)} {\n${[...(table.sets ?? []).map(setText), ...table.chains.map(chainText)].join("\n")}}\n`;

const setText = ({ name, type }: NftSet): string => `  set ${name} {\n    type ${type};\n  }\n`;

const ELEMENTS_A_TEXT = 500;

function elementTexts(table: NftTable, { name, elements }: NftSet): readonly string[] {
  const texts: string[] = [];
  for (let from = 0; from < elements.length; from += ELEMENTS_A_TEXT) {
    const some = elements.slice(from, from + ELEMENTS_A_TEXT);
    texts.push(`add element ${tableName(table)} ${name} { ${some.join(", ")} }\n`);
  }
  return texts;
}

const chainText = ({ name, base, rules }: NftChain): string =>
  [`  chain ${name} {`, ...(base ? [hookText(base)] : []), ...rules.map(ruleText), "  }\n"].join("\n");

const hookText = ({ type, hook, device, priority }: NftHook): string =>
  `    type ${type} hook ${hook}${device === undefined ? "" : ` device "${device}"`} priority ${priority.words}; policy ${POLICY};`;

const ruleText = ({ text, comment }: NftRule): string => `    ${text} comment "${comment}"`;
