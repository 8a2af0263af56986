import { FORGED_ON_THIS_HOST, hostChains, hostDenyChains, scopeSet } from "./host-chains.ts";
import { INTERCEPTED_PORT } from "./intercepted-address.ts";
import { destination } from "./nft-match.ts";
import { after, before } from "./nft-priorities.ts";
import type { NftChain, NftTable } from "./nft-table.ts";
import type { Redirection } from "./redirection.ts";

export const INTERCEPTION_TABLE = { family: "inet", name: "taskrole" } as const;

/** Everything that brings containers' requests to the addresses to `port` of this host, and nothing else to it. */
export const interceptionTable = (to: Redirection): NftTable =>
  tableOf(to, [
    redirectChain(to),
    arrivalChain(to),
    inputChain(to),
    daemonPortChain(to),
    forwardChain(to),
    denyChain,
    ...hostChains(to),
    outputChain(to),
  ]);

/** Of that table only what refuses: for the boot, while nobody listens. {@link interceptionTable} replaces it. */
export const holdingTable = (to: Redirection): NftTable =>
  tableOf(to, [forwardChain(to), denyChain, ...hostDenyChains(to), outputChain(to)]);

const tableOf = ({ ofThisHost }: Redirection, chains: readonly NftChain[]): NftTable => ({
  ...INTERCEPTION_TABLE,
  ...(ofThisHost?.scopes && { sets: [scopeSet(ofThisHost.scopes.paths)] }),
  chains,
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

/**
 * The source address is who a container is, so it must be one that answers would go back to by the same way. In this hook,
 * once redirected, and not in input: there Linux before 5.19 refuses the rule, and until after 6.8 it finds no way back to the
 * host's own addresses, which come by "lo". https://github.com/torvalds/linux/blob/v5.15/net/netfilter/nft_fib.c (validate),
 * https://github.com/torvalds/linux/blob/v6.8/net/ipv4/netfilter/nft_fib_ipv4.c (RTN_LOCAL).
 * What is only on its way through the host comes by here as well, and is none of ours: hence "daddr type local".
 */
const arrivalChain = ({ port }: Redirection): NftChain => ({
  name: "arrival",
  base: { type: "filter", hook: "prerouting", priority: after("dstnat") },
  rules: [
    {
      text: `iifname != "lo" tcp dport ${port} fib daddr type local fib saddr . iif oif missing counter reject with tcp reset`,
      comment: "refused: the source address does not belong to the interface it came by",
    },
  ],
});

const inputChain = ({ port }: Redirection): NftChain => ({
  name: "input",
  base: { type: "filter", hook: "input", priority: before("filter") },
  rules: [{ text: `tcp dport ${port} jump daemon_port`, comment: `judge whoever comes to port ${port}` }],
});

const daemonPortChain = ({ port, addresses, ofThisHost }: Redirection): NftChain => ({
  name: "daemon_port",
  rules: [
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
