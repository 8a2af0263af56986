import type { BindingChange, BoundAddress } from "./binding-store.ts";
import { INTERCEPTED_PORT, type InterceptedAddress } from "./intercepted-address.ts";
import { FAMILY_NAMES, type IpFamily } from "./ip-rules.ts";
import type { Redirection } from "./redirection.ts";

export type IptablesTableName = "raw" | "filter" | "nat";

interface IptablesRule {
  /** In iptables' own words, without comment and target; "" matches everything. */
  readonly match: string;
  /** Unique in its chain: says what the rule is for, and names it when the kernel's rules are checked. */
  readonly comment: string;
  /** What follows -j. */
  readonly target: string;
}

/** From the first place of a chain that all packets pass to a chain of ours. */
interface IptablesJump extends IptablesRule {
  readonly from: "PREROUTING" | "INPUT" | "FORWARD" | "OUTPUT";
}

export interface IptablesChain {
  readonly name: string;
  readonly rules: readonly IptablesRule[];
}

/** Our part of a table that belongs to all. */
export interface IptablesTable {
  readonly name: IptablesTableName;
  readonly jumps: readonly IptablesJump[];
  readonly chains: readonly IptablesChain[];
}

/** Begins the name of every chain of ours, and of none of anyone else's. */
export const OUR_CHAINS = "TASKROLE-";
/** In the table raw: a rule for each address that is bound, and one against everyone else who claims it. */
export const BOUND_CHAIN = `${OUR_CHAINS}BOUND`;
const BINDINGS_CHAIN = `${OUR_CHAINS}BINDINGS`;

/** What a daemon alone may change. */
export const BINDING_CHAINS: readonly string[] = [BINDINGS_CHAIN, BOUND_CHAIN];

/** By program: iptables and ip6tables each know one family. */
export interface FamilyRules extends Redirection {
  readonly family: IpFamily;
  /** Undefined: there are no chains for bindings. */
  readonly bound: readonly BoundAddress[] | undefined;
}

/** In the order to load them: what refuses, before what lets in. */
export function iptablesTables({ family, port, addresses, bound }: FamilyRules): readonly IptablesTable[] {
  const to = { family, port, addresses: addresses.filter((address) => address.family === family) };
  return [rawTable(to, bound), filterTable(to), natTable(to)];
}

type Destinations = Omit<FamilyRules, "bound">;

const SUFFIX: Readonly<Record<IpFamily, string>> = { ipv4: "/32", ipv6: "/128" };
const destination = ({ family, address }: InterceptedAddress): string => `-d ${address}${SUFFIX[family]}`;

const jump = (from: IptablesJump["from"], match = "", to = `${OUR_CHAINS}${from}`): IptablesJump => ({
  from,
  match,
  target: to,
  comment: "taskrole: containers' requests for metadata",
});

/** Before connections are tracked and addresses rewritten: only here is a packet what it was when it came. */
function rawTable(to: Destinations, bound: FamilyRules["bound"]): IptablesTable {
  const early = {
    name: `${OUR_CHAINS}PREROUTING`,
    rules: to.addresses.map((address) => ({
      match: `${destination(address)} -m rpfilter --invert`,
      comment: `dropped: ${address.packets} packets whose source address does not belong to the interface they came by`,
      target: "DROP",
    })),
  };
  const jumps = [jump("PREROUTING")];
  if (bound === undefined) return { name: "raw", jumps, chains: [early] };
  const chains = [early, judgingChain(to), { name: BOUND_CHAIN, rules: bound.flatMap(boundRules) }];
  return { name: "raw", jumps: [...jumps, jump("PREROUTING", "", BINDINGS_CHAIN)], chains };
}

const judgingChain = ({ addresses }: Destinations): IptablesChain => ({
  name: BINDINGS_CHAIN,
  rules: addresses.map((address) => ({
    match: destination(address),
    comment: `judge who speaks: ${address.packets} packets`,
    target: BOUND_CHAIN,
  })),
});

/** Of its two rules the first is the binding itself. Where br_netfilter is off no packet has a port: all are dropped. */
const boundRules = ({ family, address, veth, macAddress, note }: BoundAddress): readonly IptablesRule[] => {
  const source = `-s ${address}${SUFFIX[family]}`;
  return [
    {
      match: `${source} -m physdev --physdev-in ${veth} -m mac --mac-source ${macAddress}`,
      comment: note,
      target: "RETURN",
    },
    { match: source, comment: "dropped: requests in another container's name", target: "DROP" },
  ];
};

/** Whoever comes to the port was redirected or is refused; nothing is forwarded to the real service. */
const filterTable = ({ family, port, addresses }: Destinations): IptablesTable => ({
  name: "filter",
  jumps: [
    jump("INPUT", `-p tcp -m tcp --dport ${port}`),
    jump("FORWARD"),
    jump("OUTPUT", `-p tcp -m tcp --sport ${port}`),
  ],
  chains: [
    { name: `${OUR_CHAINS}INPUT`, rules: inputRules({ family, port, addresses }) },
    { name: `${OUR_CHAINS}FORWARD`, rules: addresses.flatMap(forwardRules) },
    {
      name: `${OUR_CHAINS}OUTPUT`,
      rules: [
        {
          match: "! -o lo -m conntrack ! --ctstate RELATED,ESTABLISHED",
          comment: `dropped: ${FAMILY_NAMES[family]} retransmissions of an answer whose connection is no longer tracked`,
          target: "DROP",
        },
      ],
    },
  ],
});

const LINK_LOCAL: IptablesRule = {
  match: "-s fe80::/10 -p tcp",
  comment: "refused: a link-local source address says nothing about who asks",
  target: "REJECT --reject-with tcp-reset",
};

const inputRules = ({ family, port, addresses }: Destinations): readonly IptablesRule[] => [
  ...(family === "ipv6" ? [LINK_LOCAL] : []),
  ...addresses.map(({ address, packets }) => ({
    match: `-m conntrack --ctorigdst ${address}`,
    comment: `let in: redirected ${packets} requests`,
    target: "ACCEPT",
  })),
  {
    match: "-p tcp",
    comment: `refused: port ${port} asked for directly over ${FAMILY_NAMES[family]} instead of the metadata address`,
    target: "REJECT --reject-with tcp-reset",
  },
];

const forwardRules = (address: InterceptedAddress): readonly IptablesRule[] => [
  {
    match: `${destination(address)} -p tcp`,
    comment: `refused: ${address.packets} TCP on its way to the real service`,
    target: "REJECT --reject-with tcp-reset",
  },
  {
    match: destination(address),
    comment: `refused: other ${address.packets} packets on their way to the real service`,
    target: "REJECT",
  },
];

const natTable = ({ port, addresses }: Destinations): IptablesTable => ({
  name: "nat",
  jumps: [jump("PREROUTING")],
  chains: [
    {
      name: `${OUR_CHAINS}PREROUTING`,
      rules: [
        { match: "-i lo", comment: "what the host sends to itself stays as it is", target: "RETURN" },
        ...addresses.map((address) => ({
          match: `${destination(address)} -p tcp -m tcp --dport ${INTERCEPTED_PORT}`,
          comment: `containers' ${address.requests} go to port ${port} of this host`,
          target: `REDIRECT --to-ports ${port}`,
        })),
      ],
    },
  ],
});

/** What stands behind the name of the chain: "-d 169.254.169.254/32 -m comment --comment "…" -j DROP". */
const ruleText = ({ match, comment, target }: IptablesRule): string =>
  `${match === "" ? "" : `${match} `}-m comment --comment "${comment}" -j ${target}`;

/**
 * One transaction of `iptables-restore --noflush`: our chains emptied and filled, and jumped to from the first place.
 * It touches nothing of anyone else.
 *
 * @param obsolete rules and chains of ours that are there and have to go, as {@link removalLines}
 */
export const replacementText = ({ name, jumps, chains }: IptablesTable, obsolete: readonly string[]): string =>
  transaction(name, [
    ...chains.map((chain) => `:${chain.name} - [0:0]`),
    ...chains.flatMap((chain) => chain.rules.map((rule) => `-A ${chain.name} ${ruleText(rule)}`)),
    ...obsolete,
    ...jumps.toReversed().map((rule) => `-I ${rule.from} 1 ${ruleText(rule)}`),
  ]);

export const transaction = (table: IptablesTableName, lines: readonly string[]): string =>
  `${[`*${table}`, ...lines, "COMMIT"].join("\n")}\n`;

export const changeLines = ({ verb, bound }: BindingChange): readonly string[] =>
  boundRules(bound).map((rule) => `${verb === "add" ? "-A" : "-D"} ${BOUND_CHAIN} ${ruleText(rule)}`);

/** Fails where the kernel lacks what bindings are made of, and leaves nothing behind. */
export const probeText = (): string => {
  const chain = `${OUR_CHAINS}PROBE`;
  const match = "-m physdev --physdev-in lo -m mac --mac-source 02:00:00:00:00:01";
  return (
    transaction("raw", [`:${chain} - [0:0]`, `-A ${chain} ${match} -j RETURN`]) +
    transaction("raw", [`-F ${chain}`, `-X ${chain}`])
  );
};

const PROGRAM: Readonly<Record<IpFamily, string>> = { ipv4: "iptables", ipv6: "ip6tables" };
export const programOf = (family: IpFamily): string => PROGRAM[family];

/** `-c`: with packet counters. All tables at once: a table that is asked for by name would be made. */
export const savingArgv = (family: IpFamily): readonly string[] => [`${PROGRAM[family]}-save`, "-c"];

/** `-w 5`: waits five seconds at most for another iptables to end; nft's variant needs no such lock and takes it too. */
export const restoringArgv = (family: IpFamily): readonly string[] => [
  `${PROGRAM[family]}-restore`,
  "--noflush",
  "-w",
  "5",
];
