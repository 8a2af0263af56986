import type { ContainerCgroup, ContainerScopes } from "./container-cgroups.ts";
import { INTERCEPTED_PORT } from "./intercepted-address.ts";
import { destination } from "./nft-match.ts";
import { BEFORE_DSTNAT } from "./nft-priorities.ts";
import type { NftChain, NftRule, NftSet } from "./nft-table.ts";
import type { KeptProcesses, Redirection, UserRange } from "./redirection.ts";

/** What a process sends has the cgroup that its socket was made in: a container's from its very first. */
export function hostChains(to: Redirection): readonly NftChain[] {
  const { ofThisHost } = to;
  const redirecting = ofThisHost?.cgroups ? [hostRedirectChain(to), containerRedirectChain(to, ofThisHost)] : [];
  return [...redirecting, ...hostDenyChains(to)];
}

/** Of them what refuses; whoever is redirected does not come by there. */
export function hostDenyChains({ ofThisHost }: Redirection): readonly NftChain[] {
  if (ofThisHost === undefined) return [];
  const { cgroups = [], scopes, own, users } = ofThisHost;
  const refused = [
    ...cgroups.map(refusedCgroup),
    ...(scopes ? [refusedScopes(scopes)] : []),
    ...users.map(refusedUsers),
  ];
  return [{ name: "host_deny", rules: [...ownDenyRules(own), ...refused] }];
}

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

export const SCOPE_SET = "container_scopes";
const AMONG_SERVICES = "among the host's services";
const matchingScopes = ({ level }: ContainerScopes): string => `socket cgroupv2 level ${level} @${SCOPE_SET}`;
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

/** @param paths as {@link ContainerScopes} has them */
export const scopeSet = (paths: readonly string[]): NftSet => ({
  name: SCOPE_SET,
  type: "cgroupsv2",
  elements: paths.map((path) => `"${path}"`),
  isInFlux: true,
});

/**
 * What is redirected on its way out comes in by the loopback. There the judgement of arrivals leaves it alone, as every
 * source address seems to lead back by it, or none does: it depends on the kernel.
 */
export const FORGED_ON_THIS_HOST: NftRule = {
  text: 'iifname "lo" fib saddr type != local counter reject with tcp reset',
  comment: "refused: sent by this host in the name of an address that is not its own",
};
