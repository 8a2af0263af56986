import type { BindingChange, BoundAddress } from "./binding-store.ts";
import type { InterceptedAddress } from "./intercepted-address.ts";
import { FAMILY_NAMES, type IpFamily } from "./ip-rules.ts";
import { elementsOf, type TableListing } from "./nft-listing.ts";
import { anyOf } from "./nft-match.ts";
import type { NftChain, NftRule, NftSet, NftTable } from "./nft-table.ts";

/** Before and after everything else on a bridge: https://wiki.nftables.org/wiki-nftables/index.php/Netfilter_hooks */
const FIRST = { words: "-310", value: -310 };
const LAST = { words: "310", value: 310 };

interface FamilyWords {
  readonly ip: string;
  readonly type: string;
  readonly owned: string;
  readonly bound: string;
}

const WORDS: Readonly<Record<IpFamily, FamilyWords>> = {
  ipv4: { ip: "ip", type: "ipv4_addr", owned: "owned4", bound: "bound4" },
  ipv6: { ip: "ip6", type: "ipv6_addr", owned: "owned6", bound: "bound6" },
};
const FAMILIES: readonly IpFamily[] = ["ipv4", "ipv6"];

/**
 * A claimed address counts only on the port and with the hardware address of its owner, and answers leave by that port
 * alone: a neighbour can neither speak in another's name nor hear its answers. Only what goes to and comes from the
 * intercepted addresses is judged. An address that nobody owns yet is let through, since a dropped first packet costs
 * the client a second; nothing secret is answered to it before it is owned.
 */
export const bindingTable = (addresses: readonly InterceptedAddress[], bound: readonly BoundAddress[]): NftTable => ({
  family: "bridge",
  name: "taskrole",
  sets: FAMILIES.flatMap((family) => setsOf(family, bound)),
  chains: [
    chain("prerouting", FIRST, (family) => speaking(family, addresses)),
    chain("postrouting", LAST, (family) => hearing(family, addresses)),
  ],
});

const chain = (
  name: "prerouting" | "postrouting",
  priority: typeof FIRST,
  rule: (family: IpFamily) => NftRule,
): NftChain => ({ name, base: { type: "filter", hook: name, priority }, rules: FAMILIES.map(rule) });

function setsOf(family: IpFamily, all: readonly BoundAddress[]): readonly NftSet[] {
  const { type, owned, bound } = WORDS[family];
  const ours = all.filter((one) => one.family === family);
  return [
    { name: owned, type, elements: ours.map(({ address }) => address) },
    { name: bound, type: `ifname . ether_addr . ${type}`, elements: ours.map(boundElement) },
  ];
}

const boundKey = ({ veth, macAddress, address }: BoundAddress): string => `"${veth}" . ${macAddress} . ${address}`;
const boundElement = (one: BoundAddress): string => `${boundKey(one)} comment "${one.note}"`;

function speaking(family: IpFamily, addresses: readonly InterceptedAddress[]): NftRule {
  const { ip, owned, bound } = WORDS[family];
  const isOwned = `${ip} saddr @${owned}`;
  return {
    text: `${anyOf(family, "daddr", addresses)} ${isOwned} iifname . ether saddr . ${ip} saddr != @${bound} counter drop`,
    comment: `dropped: ${FAMILY_NAMES[family]} requests in another container's name`,
  };
}

function hearing(family: IpFamily, addresses: readonly InterceptedAddress[]): NftRule {
  const { ip, owned, bound } = WORDS[family];
  const isOwned = `${ip} daddr @${owned}`;
  return {
    text: `${anyOf(family, "saddr", addresses)} ${isOwned} oifname . ether daddr . ${ip} daddr != @${bound} counter drop`,
    comment: `dropped: ${FAMILY_NAMES[family]} answers on their way to another container`,
  };
}

/** Commands of a transaction. Adding first lets a deletion succeed whether or not the element is there. */
export function elementCommands({ verb, bound: one }: BindingChange): string {
  const { owned, bound } = WORDS[one.family];
  const commands = (word: BindingChange["verb"]): string =>
    `${word} element bridge taskrole ${owned} { ${one.address} }\n` +
    `${word} element bridge taskrole ${bound} { ${word === "add" ? boundElement(one) : boundKey(one)} }\n`;
  return verb === "add" ? commands("add") : commands("add") + commands("delete");
}

/** What `nft monitor` tells of one element of {@link bindingTable}. */
export interface ElementChange {
  readonly verb: BindingChange["verb"];
  readonly address: string;
  /** Neither where it is the address alone. */
  readonly veth?: string | undefined;
  readonly macAddress?: string | undefined;
}

/** `delete element bridge taskrole bound4 { "veth1" . 02:42:ac:11:00:02 . 172.17.0.2 }`, as nft 0.9.8 to 1.1.3 print it. */
const ELEMENT_CHANGE =
  /^(?<verb>add|delete) element bridge taskrole \w+ \{ (?:"(?<veth>[^"]+)" \. (?<mac>[0-9a-f:]+) \. )?(?<address>[0-9a-f.:]+)(?: comment ".*")? \}/;

/** Undefined for a line about anything else; "odd" for one that only begins as if it were about an element. */
export function elementChangeIn(line: string): ElementChange | "odd" | undefined {
  if (!line.includes(" element bridge taskrole ")) return undefined;
  const { verb, address, veth, mac } = ELEMENT_CHANGE.exec(line)?.groups ?? {};
  if (address === undefined) return "odd";
  return { verb: verb === "add" ? "add" : "delete", address, veth, macAddress: mac };
}

/** One line of the set as it is listed: whose address counts where. */
export interface ListedBinding {
  readonly address: string;
  readonly veth: string;
  readonly macAddress: string;
  readonly note: string;
}

const BOUND_SETS: ReadonlySet<string> = new Set(Object.values(WORDS).map(({ bound }) => bound));

/** What a listing of {@link bindingTable} holds, by address. */
export const bindingsIn = (listing: TableListing): readonly ListedBinding[] =>
  listing
    .flatMap(({ set }) => (set && BOUND_SETS.has(set.name) ? elementsOf(set) : []))
    .flatMap(({ key: [veth, macAddress, address], comment }) =>
      veth !== undefined && macAddress !== undefined && address !== undefined
        ? [{ address, veth, macAddress, note: comment }]
        : [],
    );
