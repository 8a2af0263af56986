import { type DroppingChain, droppingChains } from "./dropping-chains.ts";
import { type ListedRules, type NftRule, nftRules } from "./listed-rules.ts";

/** What of the packet rules of others is in the way of ours. */
export interface ForeignRules {
  readonly droppingChains: readonly DroppingChain[];
  /** Rules that lead containers' metadata requests to something else, each as the command that removes it. */
  readonly redirects: readonly string[];
}

const METADATA_ADDRESS = "169.254.169.254";

/** @param port where the daemon listens */
export const foreignRules = (listed: ListedRules, port: number): ForeignRules => ({
  droppingChains: droppingChains(listed, port),
  redirects: [
    ...nftRules(listed.nftables).rules.filter(isRedirect).map(nftRemoval),
    ...iptablesRedirects((listed.iptables ?? "").split("\n")),
  ],
});

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
