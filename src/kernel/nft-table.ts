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
  /** They come and go by themselves, and are put right apart from the table: none is a difference. */
  readonly isInFlux?: true;
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

export const POLICY = "accept";

/** "inet taskrole", as nft's commands and its monitor name a table. */
export const tableName = ({ family, name }: NamedTable): string => `${family} ${name}`;

type NamedTable = Pick<NftTable, "family" | "name">;

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

/** One transaction that has the set hold these elements, in place of those it has. */
export const refillTexts = (table: NamedTable, set: NftSet): readonly string[] => [
  `flush set ${tableName(table)} ${set.name}\n`,
  ...elementTexts(table, set),
];

const replacement = (table: NftTable): string =>
  `${removalText(table)}table ${tableName(table)} {\n${[...(table.sets ?? []).map(setText), ...table.chains.map(chainText)].join("\n")}}\n`;

const setText = ({ name, type }: NftSet): string => `  set ${name} {\n    type ${type};\n  }\n`;

const ELEMENTS_A_TEXT = 500;

/** Adds them to those it has. */
export function elementTexts(table: NamedTable, { name, elements }: NftSet): readonly string[] {
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
