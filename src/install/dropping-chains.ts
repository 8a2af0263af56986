import { ALL_ADDRESSES } from "../kernel/intercepted-address.ts";
import { type ListedRules, type NftRule, nftRules } from "./listed-rules.ts";

/** A chain that drops what comes to this host and lets nothing in for taskrole. */
export interface DroppingChain {
  /** Its family, table and name: "inet filter input". */
  readonly name: string;
  /** The command that has it let containers' requests in, to whichever address they were. */
  readonly opening: string;
}

/** Of nft or of iptables, which are read the same way from here on. Chains are told by family, table and name. */
interface Rule {
  readonly chain: string;
  /** The chains that it leads to. */
  readonly targets: readonly string[];
  /** What it matches, as its program prints it. */
  readonly text: string;
  readonly accepts: boolean;
  /** Whatever comes. */
  readonly dropsAll: boolean;
}
interface BaseChain {
  readonly name: string;
  readonly drops: boolean;
}

/**
 * An accept in one chain of the input hook does not overrule a drop in another: each is judged by its own rules and by those
 * of the chains it leads to.
 *
 * @param port where the daemon listens: requests come to it redirected
 */
export function droppingChains(listed: ListedRules, port: number): readonly DroppingChain[] {
  const nft = nftRules(listed.nftables);
  const saved = [savedFilter(listed.iptables, "ip"), savedFilter(listed.ip6tables, "ip6")];
  const rules = [...nft.rules.map(nftRule), ...saved.flatMap((filter) => filter.rules)];
  const bases = [
    ...nft.chains
      .filter(({ type, hook, family }) => type === "filter" && hook === "input" && FAMILIES.includes(family))
      .map(({ family, table, name, policy }) => ({ name: `${family} ${table} ${name}`, drops: policy === "drop" })),
    ...saved.flatMap(({ input }) => input ?? []),
  ];
  const dropping = bases.filter(
    ({ name, drops }) => drops || rules.some(({ chain, dropsAll }) => chain === name && dropsAll),
  );
  return [...new Set(dropping.map(({ name }) => name))]
    .filter((name) => !isOpen(name, reachableFrom(name, rules), port))
    .map((name) => ({ name, opening: openingOf(name, listed, port) }));
}
const FAMILIES = ["inet", "ip", "ip6"];

/** What is not iptables' own is shown by nft in full; of the others it does not say what they match. */
function nftRule({ family, table, chain, expr = [] }: NftRule): Rule {
  const has = (...kinds: readonly string[]) => expr.some((part) => kinds.some((kind) => kind in part));
  const targets = expr.map((part) => ((part["jump"] ?? part["goto"] ?? {}) as { target?: string }).target);
  return {
    chain: `${family} ${table} ${chain}`,
    targets: targets.flatMap((target) => (target === undefined ? [] : `${family} ${table} ${target}`)),
    text: JSON.stringify(expr.filter((part) => !("counter" in part))),
    accepts: has("accept") && !has("xt"),
    dropsAll:
      has("drop", "reject") && expr.every((part) => ["drop", "reject", "counter", "log"].some((kind) => kind in part)),
  };
}

/** The table `filter` of iptables-save(8), and its chain INPUT; nothing where there is none. */
function savedFilter(
  text: string | undefined,
  family: "ip" | "ip6",
): { readonly input: BaseChain | undefined; readonly rules: readonly Rule[] } {
  const table = /^\*filter\n([\s\S]*?)^COMMIT$/m.exec(text ?? "")?.[1] ?? "";
  const policy = /^:INPUT (\S+)/m.exec(table)?.[1];
  return {
    input: policy === undefined ? undefined : { name: `${family} filter INPUT`, drops: policy === "DROP" },
    rules: [...table.matchAll(/^-A (\S+) (.*?)-[jg] (\S+)/gm)].map(([, chain = "", match = "", target = ""]) => ({
      chain: `${family} filter ${chain}`,
      targets: [`${family} filter ${target}`],
      text: match,
      accepts: target === "ACCEPT",
      dropsAll: match === "" && (target === "DROP" || target === "REJECT"),
    })),
  };
}

/** Those of the chain, and of all chains that it leads to. */
function reachableFrom(chain: string, rules: readonly Rule[]): readonly Rule[] {
  const names = new Set([chain]);
  // What is added is looked at in its turn.
  for (const name of names)
    for (const rule of rules) if (rule.chain === name) for (const target of rule.targets) names.add(target);
  return rules.filter((rule) => names.has(rule.chain));
}

/** By one rule for whatever comes to the port, is translated, or comes from Docker's bridges; or by one for each address. */
function isOpen(chain: string, rules: readonly Rule[], port: number): boolean {
  const forUs = new RegExp(String.raw`\b${port}\b|"status".*"dnat"|--ctstate \S*\bDNAT\b|\b(?:docker0|br-)`);
  const texts = rules.filter(({ accepts }) => accepts).map(({ text }) => text);
  const addresses = addressesOf(chain);
  return (
    texts.some((text) => forUs.test(text) && !ALL_ADDRESSES.some(({ address }) => names(text, address))) ||
    addresses.every((address) => texts.some((text) => names(text, address)))
  );
}

/** Not 169.254.170.2 where 169.254.170.23 is written. */
const names = (text: string, address: string): boolean =>
  new RegExp(String.raw`${address.replaceAll(".", String.raw`\.`)}\b`).test(text);

/** What a chain of this family sees of requests. */
const addressesOf = (chain: string): readonly string[] =>
  ALL_ADDRESSES.filter(({ family }) => !chain.startsWith(family === "ipv4" ? "ip6 " : "ip ")).map(
    ({ address }) => address,
  );

/** A redirected connection counts as one of a translated destination, whichever address it was for. */
function openingOf(chain: string, { iptables, ip6tables }: ListedRules, port: number): string {
  const program =
    (chain === "ip filter INPUT" && iptables !== undefined && "iptables") ||
    (chain === "ip6 filter INPUT" && ip6tables !== undefined && "ip6tables");
  return program
    ? `${program} -I INPUT -p tcp --dport ${port} -m conntrack --ctstate DNAT -j ACCEPT`
    : `nft insert rule ${chain} ct status dnat tcp dport ${port} accept`;
}
