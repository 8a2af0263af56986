import { attempt } from "../kit/attempt.ts";

/** All packet rules of a host, as `nft -j list ruleset`, `iptables-save` and `ip6tables-save` show them; undefined where the program does not work. */
export interface ListedRules {
  readonly nftables: string | undefined;
  readonly iptables: string | undefined;
  readonly ip6tables: string | undefined;
}

interface NftEntry {
  readonly chain?: NftChain;
  readonly rule?: NftRule;
}
interface NftChain {
  readonly table: string;
  readonly family: string;
  readonly name: string;
  readonly type?: string;
  readonly hook?: string;
  readonly policy?: string;
}
export interface NftRule {
  readonly table: string;
  readonly family: string;
  readonly chain: string;
  readonly handle: number;
  readonly expr?: readonly Readonly<Record<string, unknown>>[];
}

const OURS = "taskrole";

/** Those of others. Nothing of another kind than expected is of use here. */
export function nftRules(json: string | undefined): {
  readonly chains: readonly NftChain[];
  readonly rules: readonly NftRule[];
} {
  const { nftables = [] } = attempt(() => JSON.parse(json ?? "{}") as { nftables?: readonly NftEntry[] }) ?? {};
  const entries = nftables.filter(({ chain, rule }) => (chain ?? rule)?.table !== OURS);
  return { chains: entries.flatMap(({ chain }) => chain ?? []), rules: entries.flatMap(({ rule }) => rule ?? []) };
}
