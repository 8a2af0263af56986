import type { ListedBinding } from "./binding-table.ts";
import type { InterceptionPart, RuleCounter } from "./interception-status.ts";
import { BOUND_CHAIN, type IptablesChain, type IptablesTable, OUR_CHAINS } from "./iptables-rules.ts";
import { foundPart } from "./nft-listing.ts";
import { commentDifferences, elementDifferences } from "./rule-comments.ts";

/** A rule as `iptables-save -c` shows it. */
interface ListedIptablesRule {
  readonly chain: string;
  /** All that stands behind the name of its chain. */
  readonly text: string;
  /** "" when there is none. */
  readonly comment: string;
  /** The chain or the verdict it leads to; "" when it only counts. */
  readonly target: string;
  readonly packets: number;
}

export interface ListedIptablesTable {
  readonly chains: ReadonlySet<string>;
  /** Those of one chain stand in their order. */
  readonly rules: readonly ListedIptablesRule[];
}

/** By the table's name; a table that nobody uses is not there. */
export type IptablesListing = ReadonlyMap<string, ListedIptablesTable>;

const RULE = /^(?:\[(?<packets>\d+):\d+\] )?-A (?<chain>\S+)(?: (?<text>.*))?$/;
const COMMENT = /-m comment --comment (?:"(?<quoted>(?:[^"\\]|\\.)*)"|(?<plain>\S+))/;
const TARGET = /(?:^| )-[jg] (?<target>\S+)/;

/** Reads what `iptables-save` prints; lines that are no rule and no chain mean nothing here. */
export function parseIptablesListing(text: string): IptablesListing {
  const listing = new Map<string, { chains: Set<string>; rules: ListedIptablesRule[] }>();
  let table = { chains: new Set<string>(), rules: [] as ListedIptablesRule[] };
  for (const line of text.split("\n")) {
    if (line.startsWith("*")) {
      table = { chains: new Set(), rules: [] };
      listing.set(line.slice(1), table);
    } else if (line.startsWith(":")) table.chains.add(line.slice(1).split(" ")[0] ?? "");
    else table.rules.push(...ruleOf(line));
  }
  return listing;
}

function ruleOf(line: string): readonly ListedIptablesRule[] {
  const { chain, text = "", packets = "0" } = RULE.exec(line)?.groups ?? {};
  if (chain === undefined) return [];
  const { quoted, plain = "" } = COMMENT.exec(text)?.groups ?? {};
  const { target = "" } = TARGET.exec(text.replace(COMMENT, ""))?.groups ?? {};
  return [{ chain, text, comment: quoted?.replace(/\\(.)/g, "$1") ?? plain, target, packets: Number(packets) }];
}

const isOurs = (chain: string): boolean => chain.startsWith(OUR_CHAINS);

/** Our chains of a table, or nothing. */
export const ourChainsIn = (table: ListedIptablesTable | undefined): readonly string[] =>
  [...(table?.chains ?? [])].filter(isOurs);

const jumpsTo = (table: ListedIptablesTable | undefined, chains: readonly string[]): readonly ListedIptablesRule[] =>
  (table?.rules ?? []).filter(({ chain, target }) => !isOurs(chain) && chains.includes(target));

/** Lines of a transaction that takes the jumps to these chains away, each as it is listed. */
export const jumpRemovals = (table: ListedIptablesTable | undefined, chains: readonly string[]): readonly string[] =>
  jumpsTo(table, chains).map(({ chain, text }) => `-D ${chain} ${text}`);

/** Lines of a transaction after which these chains are gone. */
export const chainRemovals = (chains: readonly string[]): readonly string[] => [
  ...chains.map((chain) => `-F ${chain}`),
  ...chains.map((chain) => `-X ${chain}`),
];

/**
 * What is there of our part of a table: our chains, by the comments of their rules in order, and the jumps to them,
 * which must come before everyone else's rules.
 *
 * @param words how the parts are named: "iptables"
 */
export function compareIptables(
  words: string,
  wanted: IptablesTable,
  listed: ListedIptablesTable | undefined,
): readonly InterceptionPart[] {
  return [
    ...wanted.jumps.map(({ from, target }) => {
      const name = `${words} ${wanted.name} ${from} to ${target}`;
      const differences = jumpDifferences(listed, { from, target });
      return differences === undefined ? absent(name) : foundPart(name, differences);
    }),
    ...wanted.chains.map((chain) => {
      const name = `${words} ${wanted.name} chain ${chain.name}`;
      return listed?.chains.has(chain.name) ? foundPart(name, chainDifferences(chain, listed)) : absent(name);
    }),
  ];
}

const absent = (name: string): InterceptionPart => ({ name, state: "absent", differences: [] });

/** Undefined when there is no such jump. */
function jumpDifferences(listed: ListedIptablesTable | undefined, jump: { from: string; target: string }) {
  const rules = (listed?.rules ?? []).filter(({ chain }) => chain === jump.from);
  const copies = rules.filter(({ target }) => target === jump.target).length;
  if (copies === 0) return undefined;
  const before = rules
    .slice(
      0,
      rules.findIndex(({ target }) => target === jump.target),
    )
    .filter(({ target }) => !isOurs(target));
  return [
    ...(copies === 1 ? [] : [`it is there ${copies} times`]),
    ...before.map(({ text }) => `a rule of someone else comes before it: ${text}`),
  ];
}

function chainDifferences(chain: IptablesChain, { rules }: ListedIptablesTable): readonly string[] {
  const found = rules.filter((rule) => rule.chain === chain.name);
  if (chain.name === BOUND_CHAIN)
    return elementDifferences(
      `the chain ${BOUND_CHAIN}`,
      new Set(chain.rules.map(({ match }) => keyOf(match))),
      new Set(found.map(({ text }) => keyOf(text))),
    );
  return commentDifferences(
    chain.rules.map(({ comment }) => comment),
    found.map(({ comment }) => comment || "(no comment)"),
  );
}

const BOUND = /^-s (?<address>[^/ ]+)\S*(?: -m physdev --physdev-in (?<veth>\S+) -m mac --mac-source (?<mac>\S+))?/;

/** A bound address with its port and hardware address, or alone for the rule against all others. */
const keyOf = (text: string): string => {
  const { address, veth = "", mac = "" } = BOUND.exec(text)?.groups ?? {};
  return address === undefined ? text : `${address} ${veth} ${mac.toLowerCase()}`;
};

/** What the kernel holds of bindings. */
export const iptablesBindings = (listing: IptablesListing): readonly ListedBinding[] =>
  (listing.get("raw")?.rules ?? []).flatMap(({ chain, text, comment }) => {
    const { address, veth, mac } = BOUND.exec(text)?.groups ?? {};
    if (chain !== BOUND_CHAIN || address === undefined || veth === undefined || mac === undefined) return [];
    return [{ address, veth, macAddress: mac.toLowerCase(), note: comment }];
  });

/** Of the rules that decide something, by their comments. */
export const iptablesCounters = (listed: ListedIptablesTable | undefined): readonly RuleCounter[] =>
  (listed?.rules ?? [])
    .filter(({ chain, target }) => isOurs(chain) && chain !== BOUND_CHAIN && !isOurs(target) && target !== "RETURN")
    .map(({ comment, packets }) => ({ rule: comment, packets }));
