import type { ContainerCgroup, ContainerScopes } from "./container-cgroups.ts";
import { INTERCEPTED_PORT, type InterceptedAddress } from "./intercepted-address.ts";

import { destination } from "./nft-match.ts";
import type { NftChain, NftPriority, NftRule, NftSet, NftTable } from "./nft-table.ts";

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
  /** Where cgroups are told. */
  readonly scopes?: ContainerScopes;
  /** Of them the one that the daemon is in, when it runs in a container on the host's network itself; no other is let through. */
  readonly own?: ContainerCgroup | undefined;
  /** Whose packets are refused. */
  readonly users: readonly UserRange[];
}

/** Users by number, both ends included. */
export interface UserRange {
  readonly from: number;
  readonly to: number;
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

export const INTERCEPTION_TABLE = { family: "inet", name: "taskrole" } as const;

/** @param paths as {@link ContainerScopes} has them */
export const scopeSet = (paths: readonly string[]): NftSet => ({
  name: "container_scopes",
  type: "cgroupsv2",
  elements: paths.map((path) => `"${path}"`),
  isInFlux: true,
});

/** Everything that brings containers' requests to the addresses to `port` of this host, and nothing else to it. */
export const interceptionTable = (to: Redirection): NftTable => ({
  ...INTERCEPTION_TABLE,
  ...(to.ofThisHost?.scopes && { sets: [scopeSet(to.ofThisHost.scopes.paths)] }),
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
  const { cgroups = [], scopes, own, users } = to.ofThisHost;
  const deny: NftChain = {
    name: "host_deny",
    rules: [
      ...ownDenyRules(own),
      ...cgroups.map(refusedCgroup),
      ...(scopes ? [refusedScopes(scopes)] : []),
      ...users.map(refusedUsers),
    ],
  };
  return to.ofThisHost.cgroups ? [hostRedirectChain(to), containerRedirectChain(to, to.ofThisHost), deny] : [deny];
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

function containerRedirectChain({ port }: Redirection, { cgroups = [], scopes, own }: KeptProcesses): NftChain {
  const redirected = (match: string, whose: string): NftRule => ({
    text: `tcp dport ${INTERCEPTED_PORT} ${match} counter redirect to :${port}`,
    comment: `host-network containers ${whose} go to port ${port}`,
  });
  return {
    name: "container_redirect",
    rules: [
      ...ownRedirectRules(own, port),
      ...cgroups.map((cgroup) => redirected(matchingCgroup(cgroup), `of ${cgroupName(cgroup)}`)),
      ...(scopes ? [redirected(matchingScopes(scopes), AMONG_SERVICES)] : []),
    ],
  };
}

const AMONG_SERVICES = "among the host's services";
const matchingScopes = ({ level }: ContainerScopes): string => `socket cgroupv2 level ${level} @container_scopes`;
const refusedScopes = (scopes: ContainerScopes): NftRule => ({
  text: `${matchingScopes(scopes)} counter jump deny`,
  comment: `refused: host-network containers ${AMONG_SERVICES}`,
});

/** They come before those that would bring the daemon's own requests back to itself. */
const ownRedirectRules = (own: ContainerCgroup | undefined, port: number): readonly NftRule[] =>
  own === undefined
    ? []
    : [
        {
          text: `tcp dport ${INTERCEPTED_PORT} ${matchingBelow(own)} counter redirect to :${port}`,
          comment: `what runs in cgroups below taskrole's own (${own.inode}) goes to port ${port}`,
        },
        {
          text: `${matchingCgroup(own)} counter return`,
          comment: `taskrole's own requests, from its container (cgroup ${own.inode}), are not redirected`,
        },
      ];

const ownDenyRules = (own: ContainerCgroup | undefined): readonly NftRule[] =>
  own === undefined
    ? []
    : [
        {
          text: `${matchingBelow(own)} counter jump deny`,
          comment: `refused: what runs in cgroups below taskrole's own (${own.inode})`,
        },
        {
          text: `${matchingCgroup(own)} counter return`,
          comment: `taskrole's own packets, from its container (cgroup ${own.inode}), reach the real service`,
        },
      ];

/**
 * A socket of just this cgroup has none at the level below, and a comparison with one that is not there never matches:
 * https://github.com/torvalds/linux/blob/v6.1/net/netfilter/nft_socket.c (nft_sock_get_eval_cgroupv2)
 */
const matchingBelow = (cgroup: ContainerCgroup): string =>
  `${matchingCgroup(cgroup)} socket cgroupv2 level ${cgroup.level + 1} != "${cgroup.path}"`;

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
