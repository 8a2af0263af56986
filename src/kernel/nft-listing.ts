import type { CheckDepth, InterceptionPart, RuleCounter } from "./interception-status.ts";
import { type NftChain, type NftSet, type NftTable, POLICY, tableName } from "./nft-table.ts";
import { commentDifferences, elementDifferences } from "./rule-comments.ts";

/** What `nft -j list table` shows, in its own spelling: one kind of object in each entry. */
interface ListedEntry {
  readonly table?: { readonly family: string; readonly name: string; readonly flags?: string | readonly string[] };
  readonly chain?: ListedChain;
  readonly rule?: ListedRule;
  readonly set?: ListedSet;
}
/** Whose it is. */
interface OfTable {
  readonly family?: string;
  readonly table?: string;
}
export interface ListedSet extends OfTable {
  readonly name: string;
  /** Texts, or { concat: texts }; none when it is empty. */
  readonly elem?: readonly unknown[];
}
interface ListedChain extends OfTable {
  readonly name: string;
  readonly type?: string;
  readonly hook?: string;
  readonly prio?: number;
  readonly policy?: string;
}
interface ListedRule extends OfTable {
  readonly chain: string;
  readonly comment?: string;
  readonly expr?: readonly { readonly counter?: { readonly packets: number } | null }[];
}

export type TableListing = readonly ListedEntry[];

/** Undefined when the text is not a listing. */
export function parseTableListing(json: string): TableListing | undefined {
  try {
    const { nftables } = JSON.parse(json) as { nftables?: unknown };
    return Array.isArray(nftables) && nftables.every(isObject) ? nftables : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (entry: unknown): entry is ListedEntry => typeof entry === "object" && entry !== null;

/** Those of one table, in a listing of several. */
export const entriesOf = ({ family, name }: NftTable, listing: TableListing): TableListing =>
  listing.filter(({ table, chain, rule, set }) => {
    const part = chain ?? rule ?? set;
    return (part?.family ?? table?.family) === family && (part?.table ?? table?.name) === name;
  });

/**
 * What is there of the table, by its chains' hooks and the comments of their rules in order.
 *
 * @param depth "brief" for a listing without the elements of sets
 */
export function compareTable(
  table: NftTable,
  listing: TableListing | undefined,
  depth: CheckDepth = "whole",
): readonly InterceptionPart[] {
  const name = `table ${tableName(table)}`;
  if (listing === undefined) return [{ name, state: "absent", differences: [] }];
  return [
    foundPart(name, tableDifferences(table, listing, depth)),
    ...table.chains.map((chain) => compareChain(table, chain, listing)),
  ];
}

/** Something that is there, with what is wrong with it. */
export const foundPart = (name: string, differences: readonly string[]): InterceptionPart => ({
  name,
  state: differences.length === 0 ? "present" : "changed",
  differences,
});

function tableDifferences(table: NftTable, listing: TableListing, depth: CheckDepth): readonly string[] {
  const ours = new Set(table.chains.map(({ name }) => name));
  const hasFlags = listing.some((entry) => (entry.table?.flags ?? []).length > 0);
  const foreign = chainsOf(listing).filter(({ name }) => !ours.has(name));
  return [
    // Not which one: nft 1.0.6 prints the table's name in its place.
    ...(hasFlags ? ["it has a flag, perhaps dormant: then none of its rules works"] : []),
    ...foreign.map((chain) => `a chain was added: ${chain.name}`),
    ...(table.sets ?? []).flatMap((set) => setDifferences(set, listing, depth)),
  ];
}

/** How many, not which: which container is where is for {@link elementsOf} to tell. */
function setDifferences(
  { name, elements, isInFlux }: NftSet,
  listing: TableListing,
  depth: CheckDepth,
): readonly string[] {
  const listed = listing.find(({ set }) => set?.name === name)?.set;
  if (listed === undefined) return [`a set is missing: ${name}`];
  if (depth === "brief" || isInFlux) return [];
  const found = new Set(elementsOf(listed).map(({ key }) => key.join(" . ")));
  const expected = new Set(elements.map((element) => element.replace(/ comment .*$/, "").replaceAll('"', "")));
  return elementDifferences(`the set ${name}`, expected, found);
}

export interface ListedElement {
  /** The parts of a concatenation, or the one that it is. */
  readonly key: readonly string[];
  /** "" when there is none. */
  readonly comment: string;
}

export const elementsOf = ({ elem = [] }: ListedSet): readonly ListedElement[] => elem.map(elementOf);

/** "172.17.0.2", { concat: [...] }, or either as { elem: { val, comment } }. */
function elementOf(element: unknown): ListedElement {
  const { elem } = isObject(element) ? (element as { elem?: { val: unknown; comment?: string } }) : {};
  if (elem) return { key: elementOf(elem.val).key, comment: elem.comment ?? "" };
  const { concat } = isObject(element) ? (element as { concat?: readonly unknown[] }) : {};
  return { key: (concat ?? [element]).map(String), comment: "" };
}

function compareChain(table: NftTable, chain: NftChain, listing: TableListing): InterceptionPart {
  const name = `chain ${tableName(table)} ${chain.name}`;
  const listed = chainsOf(listing).find((candidate) => candidate.name === chain.name);
  if (listed === undefined) return { name, state: "absent", differences: [] };
  return foundPart(name, [...hookDifferences(chain, listed), ...ruleDifferences(chain, rulesOf(listing, chain.name))]);
}

function hookDifferences({ base }: NftChain, listed: ListedChain): readonly string[] {
  const expected = base && { type: base.type, hook: base.hook, prio: base.priority.value, policy: POLICY };
  return (["type", "hook", "prio", "policy"] as const)
    .filter((field) => listed[field] !== expected?.[field])
    .map((field) => `its ${field} is ${listed[field] ?? "not set"} instead of ${expected?.[field] ?? "not set"}`);
}

function ruleDifferences(chain: NftChain, listed: readonly ListedRule[]): readonly string[] {
  const expected = chain.rules.map(({ comment }) => comment);
  const found = listed.map(({ comment }) => comment ?? "(no comment)");
  return commentDifferences(expected, found);
}

/** By the rules' comments, in the order they are tried; rules of others are left out. */
export function countersOf(table: NftTable, listing: TableListing): readonly RuleCounter[] {
  const ours = new Set(table.chains.flatMap(({ rules }) => rules.map(({ comment }) => comment)));
  return listing.flatMap(({ rule }) => {
    const packets = rule?.expr?.find(({ counter }) => counter)?.counter?.packets;
    return rule?.comment !== undefined && ours.has(rule.comment) && packets !== undefined
      ? [{ rule: rule.comment, packets }]
      : [];
  });
}

const chainsOf = (listing: TableListing): readonly ListedChain[] => listing.flatMap(({ chain }) => chain ?? []);

const rulesOf = (listing: TableListing, chain: string): readonly ListedRule[] =>
  listing.flatMap(({ rule }) => (rule?.chain === chain ? [rule] : []));
