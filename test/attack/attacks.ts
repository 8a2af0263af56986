/** One way in which somebody who may run containers, or something that happens to a host, might give away a role. */
export interface Attack {
  readonly name: string;
  /** What stands in the defence's place while the attack is shown to succeed. Completes "with …". */
  readonly without: string;
}

const ADDRESS_ALONE = "a redirect and the source address alone";

/** Everything the suite tries, in the order of docs/security.md. */
export const ATTACKS = {
  "speak-ipv4": { name: "speaking as a neighbour over IPv4", without: ADDRESS_ALONE },
  "listen-ipv4": { name: "claiming a neighbour's IPv4 address to hear its answers", without: ADDRESS_ALONE },
  "takeover-ipv4": { name: "taking a neighbour's IPv4 address with NET_ADMIN", without: ADDRESS_ALONE },
  "speak-ipv6": { name: "speaking as a neighbour over IPv6", without: ADDRESS_ALONE },
  "listen-ipv6": { name: "claiming a neighbour's IPv6 address to hear its answers", without: ADDRESS_ALONE },
  "takeover-ipv6": { name: "taking a neighbour's IPv6 address with NET_ADMIN", without: ADDRESS_ALONE },
  churn: {
    name: "two roles taking turns at one address, twenty times a second",
    without: "an address remembered, and the events late",
  },
} as const satisfies Record<string, Attack>;

export type AttackId = keyof typeof ATTACKS;
export const ATTACK_IDS = Object.keys(ATTACKS) as readonly AttackId[];
