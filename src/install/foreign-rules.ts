/** Packet rules of others, as `nft -j list ruleset` and `iptables-save` show them; undefined where the program does not work. */
export interface ListedRules {
  readonly nftables: string | undefined;
  /** Both families', one after the other. */
  readonly iptables: string | undefined;
}

/** What of the packet rules of others is in the way of ours. */
export interface ForeignRules {
  /** Chains that drop what comes to this host and let nothing in for taskrole, as `nft` and `iptables` name them. */
  readonly droppingChains: readonly string[];
  /** Rules that lead containers' metadata requests to something else, each as the command that removes it. */
  readonly redirects: readonly string[];
}

interface NftEntry {
  readonly chain?: { readonly table: string; readonly family: string; readonly name: string } & NftHook;
  readonly rule?: NftRule;
}
interface NftHook {
  readonly type?: string;
  readonly hook?: string;
  readonly policy?: string;
}
interface NftRule {
  readonly table: string;
  readonly family: string;
  readonly chain: string;
  readonly handle: number;
  readonly expr?: readonly Readonly<Record<string, unknown>>[];
}

const METADATA_ADDRESS = "169.254.169.254";
const OURS = "taskrole";

/** @param port where the daemon listens: requests come to it redirected, and a firewall must let them in */
export function foreignRules({ nftables, iptables }: ListedRules, port: number): ForeignRules {
  const entries = entriesIn(nftables);
  const rules = entries.flatMap(({ rule }) => rule ?? []);
  const lines = (iptables ?? "").split("\n");
  const isLetIn =
    onTheWayIn(entries, rules).some((rule) => isAcceptOf(rule, port)) || lines.some((line) => isAcceptLine(line, port));
  return {
    droppingChains: isLetIn ? [] : [...nftDropping(entries, rules), ...iptablesDropping(lines, nftables === undefined)],
    redirects: [...rules.filter(isRedirect).map(nftRemoval), ...iptablesRedirects(lines)],
  };
}

/** Nothing of another kind than expected is of use here. */
function entriesIn(json: string | undefined): readonly NftEntry[] {
  try {
    const { nftables } = JSON.parse(json ?? "{}") as { nftables?: readonly NftEntry[] };
    return (nftables ?? []).filter(({ chain, rule }) => (chain ?? rule)?.table !== OURS);
  } catch {
    return [];
  }
}

const inputChains = (entries: readonly NftEntry[]) =>
  entries
    .flatMap(({ chain }) => chain ?? [])
    .filter(({ type, hook, family }) => type === "filter" && hook === "input" && FAMILIES.includes(family));
const FAMILIES = ["inet", "ip", "ip6"];

/** Those of the chains of the input hook, and of all chains that they lead to. */
function onTheWayIn(entries: readonly NftEntry[], rules: readonly NftRule[]): readonly NftRule[] {
  const names = new Set(inputChains(entries).map(({ family, table, name }) => `${family} ${table} ${name}`));
  for (const name of names) {
    for (const rule of rules.filter(({ family, table, chain }) => `${family} ${table} ${chain}` === name))
      for (const target of targetsOf(rule)) names.add(`${rule.family} ${rule.table} ${target}`); // and is looked at in its turn
  }
  return rules.filter(({ family, table, chain }) => names.has(`${family} ${table} ${chain}`));
}

const targetsOf = ({ expr = [] }: NftRule): readonly string[] =>
  expr.flatMap((part) => {
    const { target } = (part["jump"] ?? part["goto"] ?? {}) as { target?: string };
    return target ?? [];
  });

const nftDropping = (entries: readonly NftEntry[], rules: readonly NftRule[]): readonly string[] =>
  inputChains(entries)
    .filter((chain) => chain.policy === "drop" || rules.some((rule) => isIn(rule, chain) && dropsAll(rule)))
    .map(({ family, table, name }) => `chain ${family} ${table} ${name}`);

const isIn = (rule: NftRule, chain: { table: string; family: string; name: string }): boolean =>
  rule.family === chain.family && rule.table === chain.table && rule.chain === chain.name;

/** firewalld ends its chain so, under a policy that accepts. */
const dropsAll = ({ expr = [] }: NftRule): boolean =>
  expr.some((part) => "drop" in part || "reject" in part) &&
  expr.every((part) => ["drop", "reject", "counter", "log"].some((kind) => kind in part));

/** Or of what comes from Docker's bridges, whatever it is for. */
const namesUs = (port: number): RegExp => new RegExp(String.raw`\b${port}\b|${METADATA_ADDRESS}|"?\b(?:docker0|br-)`);

const isAcceptOf = ({ expr = [] }: NftRule, port: number): boolean =>
  expr.some((part) => "accept" in part) && namesUs(port).test(JSON.stringify(expr));
const isAcceptLine = (line: string, port: number): boolean =>
  line.startsWith("-A INPUT ") && line.includes("-j ACCEPT") && namesUs(port).test(line);

/** What nft sees of iptables-nft is among its own. */
const iptablesDropping = (lines: readonly string[], isAlone: boolean): readonly string[] =>
  isAlone && lines.some((line) => /^:INPUT (?:DROP|REJECT)/.test(line)) ? ["chain INPUT of iptables"] : [];

const isRedirect = ({ expr = [] }: NftRule): boolean =>
  expr.some((part) => "dnat" in part || "redirect" in part) && JSON.stringify(expr).includes(METADATA_ADDRESS);
const nftRemoval = ({ family, table, chain, handle }: NftRule): string =>
  `nft delete rule ${family} ${table} ${chain} handle ${handle}`;

const iptablesRedirects = (lines: readonly string[]): readonly string[] =>
  lines
    .filter((line) => line.includes(METADATA_ADDRESS) && / -j (?:DNAT|REDIRECT)\b/.test(line))
    .filter((line) => /^-A (?!TASKROLE-)/.test(line))
    .map((line) => `iptables -t nat ${line.replace(/^-A/, "-D")}`);

/** By the port that the tools listen on unless told otherwise. */
const TOOL_BY_PORT: Readonly<Record<string, string>> = {
  8000: "metadataproxy",
  8181: "kube2iam",
  18000: "ec2metaproxy",
};

/** Whose rule it probably is; undefined when that cannot be told. */
export const likelyTool = (removal: string): string | undefined =>
  TOOL_BY_PORT[/--to-(?:destination|ports?) \S*?(\d+)$/.exec(removal)?.[1] ?? ""];
