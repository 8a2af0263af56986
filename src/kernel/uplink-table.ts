import type { InterceptedAddress } from "./intercepted-address.ts";
import { FAMILY_NAMES } from "./ip-rules.ts";
import { anyOf } from "./nft-match.ts";
import type { NftChain, NftRule, NftTable } from "./nft-table.ts";

/**
 * A macvlan or ipvlan container's packets leave by the uplink without passing the host's IP layer: where they leave is
 * the only place to stop them. `meta skuid` never matches a socket of another network namespace, so that "any user" is
 * a program of the host itself. Linux 5.16 or later; a chain for each interface, which ends with it and so is missed.
 */
export const uplinkTable = (uplinks: readonly string[], addresses: readonly InterceptedAddress[]): NftTable => ({
  family: "netdev",
  name: "taskrole",
  chains: [guardChain, ...uplinks.map((uplink) => egressChain(uplink, addresses))],
});

const egressChain = (uplink: string, addresses: readonly InterceptedAddress[]): NftChain => ({
  name: `egress_${uplink}`,
  base: { type: "filter", hook: "egress", device: uplink, priority: { words: "0", value: 0 } },
  rules: (["ipv4", "ipv6"] as const).map((family) => ({
    text: `${anyOf(family, "daddr", addresses)} jump guard`,
    comment: `${FAMILY_NAMES[family]} packets that leave by ${uplink} for an intercepted address`,
  })),
});

/**
 * The kernel sends the last words of a connection whose program has closed it, which then belongs to no user: packets
 * without data that open nothing, told by their length.
 */
const LAST_WORDS = [
  "ip hdrlength 5 ip length 40 tcp doff 5",
  "ip hdrlength 5 ip length 52 tcp doff 8",
  "ip6 length 20 tcp doff 5",
  "ip6 length 32 tcp doff 8",
];

const guardChain: NftChain = {
  name: "guard",
  rules: [
    { text: "meta skuid >= 0 counter accept", comment: "let out: what a program of the host itself sends" },
    ...LAST_WORDS.map(
      (match): NftRule => ({
        text: `${match} tcp flags & syn == 0 counter accept`,
        comment: `let out: the end of a connection, without data: ${match}`,
      }),
    ),
    { text: "counter drop", comment: "dropped: macvlan's, ipvlan's and others' packets to an intercepted address" },
  ],
};
