/** One way in which somebody who may run containers, or something that happens to a host, might give away a role. */
export interface Attack {
  readonly name: string;
  /** What stands in the defence's place while the attack is shown to succeed. Completes "with …". */
  readonly without: string;
  /** What stood in the engine's place; by default it was tried on real ones. */
  readonly engine?: string;
}

const ADDRESS_ALONE = "a redirect and the source address alone";
const REDIRECT_ALONE = "the redirect of other tools, and nothing behind it";
const ENDS_WITH_DAEMON = "a redirect that is taken away with the daemon";

/** Everything the suite tries, in the order of docs/security.md. */
export const ATTACKS = {
  "speak-ipv4": { name: "speaking as a neighbour over IPv4", without: ADDRESS_ALONE },
  "listen-ipv4": { name: "claiming a neighbour's IPv4 address to hear its answers", without: ADDRESS_ALONE },
  "takeover-ipv4": { name: "taking a neighbour's IPv4 address with NET_ADMIN", without: ADDRESS_ALONE },
  "speak-ipv6": { name: "speaking as a neighbour over IPv6", without: ADDRESS_ALONE },
  "listen-ipv6": { name: "claiming a neighbour's IPv6 address to hear its answers", without: ADDRESS_ALONE },
  "takeover-ipv6": { name: "taking a neighbour's IPv6 address with NET_ADMIN", without: ADDRESS_ALONE },
  "other-bridge": { name: "speaking as a container of another bridge", without: ADDRESS_ALONE },
  "outside-name": { name: "speaking as a container from another machine", without: ADDRESS_ALONE },
  "link-local": { name: "asking from a link-local address (`fe80::`)", without: ADDRESS_ALONE },
  "port-from-container": { name: "a container that asks at the daemon's own port", without: ADDRESS_ALONE },
  "port-from-outside": { name: "another machine that asks at the daemon's own port", without: ADDRESS_ALONE },
  retransmission: {
    name: "an answer under way to the former owner of an address",
    without: "a server behind the redirect, and nothing else",
  },
  events: {
    name: "the Engine's events held back, cut off or late, or the daemon hung, while an address changes hands",
    without: `${ADDRESS_ALONE}, the events held back`,
  },
  flush: { name: "`nft flush ruleset` while containers ask", without: REDIRECT_ALONE },
  "delete-table": { name: "`nft delete table` of each table while containers ask", without: REDIRECT_ALONE },
  "routing-rules": {
    name: "`ip rule del` of each routing rule while containers ask",
    without: "the nft tables gone too",
  },
  reload: { name: "the rules reloaded while containers ask", without: "a reload by delete and load" },
  "daemon-stopped": { name: "the daemon stopped while containers ask", without: ENDS_WITH_DAEMON },
  "daemon-killed": { name: "the daemon killed while containers ask", without: ENDS_WITH_DAEMON },
  "daemon-hung": { name: "the daemon hung (SIGSTOP) while containers ask", without: ENDS_WITH_DAEMON },
  clock: {
    name: "the clock jumping past the end of the sessions, by minutes, and two hours back",
    without: "the credentials handed out before, kept without a look at the clock",
  },
  churn: {
    name: "two roles taking turns at one address, many times a second",
    without: "an address remembered, and the events late",
    engine: "a stand-in, with real links, namespaces and rules",
  },
  "churn-docker": {
    name: "two roles taking turns at one address, as fast as Docker starts containers",
    without: `${ADDRESS_ALONE}, the events held back`,
  },
} as const satisfies Record<string, Attack>;

export type AttackId = keyof typeof ATTACKS;
export const ATTACK_IDS = Object.keys(ATTACKS) as readonly AttackId[];
