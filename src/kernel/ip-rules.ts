import { BlockList } from "node:net";
import type { InterceptedAddress } from "./intercepted-address.ts";

export type IpFamily = "ipv4" | "ipv6";

/** For people. */
export const FAMILY_NAMES: Readonly<Record<IpFamily, string>> = { ipv4: "IPv4", ipv6: "IPv6" };

/** A routing policy rule of ours. */
export interface IpRule {
  readonly family: IpFamily;
  readonly preference: number;
  readonly to: string;
  /** "host" is `iif lo`: what the host itself sends. "anyone" includes whatever it forwards. */
  readonly appliesTo: "host" | "anyone";
  readonly action: "lookup main" | "prohibit";
}

/**
 * After the kernel's own rule 0 and before any rule in common use, which would route a container's packet before it
 * is refused: Cilium begins at 100, the Amazon VPC CNI at 512, VRFs at 1000, Tailscale at 5210, Amazon Linux at 10000.
 */
const HOST_PREFERENCE = 90;
export const PROHIBIT_PREFERENCE = 91;

/**
 * The second layer: it still holds when `nft flush ruleset` has taken the first one away. The host reaches the real
 * service by its main routing table; whatever the host forwards to it is refused. Two rules for each address of the family.
 */
export const ipRules = (family: IpFamily, addresses: readonly InterceptedAddress[]): readonly IpRule[] =>
  addresses
    .filter((address) => address.family === family)
    .flatMap(({ address: to }) => [
      { family, preference: HOST_PREFERENCE, to, appliesTo: "host", action: "lookup main" },
      { family, preference: PROHIBIT_PREFERENCE, to, appliesTo: "anyone", action: "prohibit" },
    ]);

/** As an operator would type it, less the command: "pref 90 iif lo to 169.254.169.254 lookup main". */
const selector = ({ preference, to, appliesTo, action }: IpRule): string =>
  `pref ${preference} ${appliesTo === "host" ? "iif lo " : ""}to ${to} ${action}`;

/**
 * As if the kernel had made it: systemd-networkd removes every other rule that its files do not name, whenever it configures a
 * link, after the boot's own order has put ours there first
 * (https://www.freedesktop.org/software/systemd/man/latest/networkd.conf.html#ManageForeignRoutingPolicyRules=).
 */
const MAKER = ["protocol", "kernel"];

export const additionArgv = (rule: IpRule): readonly string[] => [
  ...[...ipArgv(rule), "add"],
  ...[...selector(rule).split(" "), ...MAKER],
];
export const deletionArgv = (rule: IpRule): readonly string[] => [...ipArgv(rule), "del", ...selector(rule).split(" ")];
export const listingArgv = (family: IpFamily): readonly string[] => ["ip", ...familyFlag(family), "-j", "rule", "show"];

/** "ip rule pref 90 …": the name of the rule in reports. */
export const ipRuleName = (rule: IpRule): string => `${ipArgv(rule).join(" ")} ${selector(rule)}`;

const ipArgv = ({ family }: IpRule): readonly string[] => ["ip", ...familyFlag(family), "rule"];
const familyFlag = (family: IpFamily): readonly string[] => (family === "ipv6" ? ["-6"] : []);

/** One entry of `ip -j rule show`, in its own spelling; selectors that mean nothing here stay unnamed. */
export interface ListedIpRule {
  readonly priority: number;
  readonly [key: string]: unknown;
}

/** Undefined when the text is not a listing of rules. */
export function parseIpRules(json: string): readonly ListedIpRule[] | undefined {
  const entries = parseJson(json);
  return Array.isArray(entries) && entries.every(isListedIpRule) ? entries : undefined;
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

const isListedIpRule = (entry: unknown): entry is ListedIpRule =>
  typeof entry === "object" && entry !== null && "priority" in entry && typeof entry.priority === "number";

export interface IpRulePlan {
  readonly missing: readonly IpRule[];
  /** Once for each copy too many. */
  readonly duplicated: readonly IpRule[];
  /** Foreign rules that may route a container's packet before ours refuses it; they are left alone. */
  readonly inTheWay: readonly string[];
}

/** `listed` is what one family's listing shows, in its order; `wanted` are our rules of that family. */
export function planIpRules(wanted: readonly IpRule[], listed: readonly ListedIpRule[]): IpRulePlan {
  const copies = (rule: IpRule): number => listed.filter((entry) => isRule(entry, rule)).length;
  return {
    missing: wanted.filter((rule) => copies(rule) === 0),
    duplicated: wanted.flatMap((rule) => new Array<IpRule>(Math.max(0, copies(rule) - 1)).fill(rule)),
    inTheWay: [
      ...new Set(wanted.filter(({ action }) => action === "prohibit").flatMap((rule) => overtaking(rule, listed))),
    ],
  };
}

/**
 * Every copy of our rules that is there, in the order to delete them: last first, so that the host is never left
 * with the prohibition and without the rule that exempts it.
 */
export const ipRulesToRemove = (wanted: readonly IpRule[], listed: readonly ListedIpRule[]): readonly IpRule[] =>
  listed.flatMap((entry) => wanted.filter((rule) => isRule(entry, rule))).reverse();

/** Who made a rule and whether its interface exists do not change what it does. */
const INFORMATIVE = new Set(["protocol", "iif_detached", "oif_detached"]);

/** True when the entry does what our rule does, no more and no less: any further selector makes it another's. */
function isRule(entry: ListedIpRule, rule: IpRule): boolean {
  const shown = Object.entries(entry).filter(([key]) => !INFORMATIVE.has(key));
  const expected = new Map<string, unknown>([
    ["priority", rule.preference],
    ["src", "all"],
    ["dst", rule.to],
    ...(rule.appliesTo === "host" ? [["iif", "lo"] as const] : []),
    rule.action === "prohibit" ? ["action", "prohibit"] : ["table", "main"],
  ]);
  return shown.length === expected.size && shown.every(([key, value]) => expected.get(key) === value);
}

const overtaking = (rule: IpRule, listed: readonly ListedIpRule[]): readonly string[] => {
  const own = listed.findIndex((entry) => isRule(entry, rule));
  return listed
    .filter((entry, place) => (own === -1 ? entry.priority <= rule.preference : place < own))
    .filter((entry) => mayCarry(entry, rule))
    .map((entry) => `${ipArgv(rule).join(" ")} ${JSON.stringify(entry)}`);
};

/** True unless the entry certainly lets a forwarded packet to the rule's destination go on to the rule. */
const mayCarry = (entry: ListedIpRule, rule: IpRule): boolean => leadsAway(entry, rule) && maySelect(entry, rule);

const HARMLESS_ACTIONS = new Set<unknown>(["prohibit", "blackhole", "unreachable", "nop"]);

const leadsAway = (entry: ListedIpRule, rule: IpRule): boolean =>
  typeof entry["goto"] === "number"
    ? entry["goto"] > rule.preference
    : entry["table"] !== "local" && !HARMLESS_ACTIONS.has(entry["action"]);

/** "not" turns the whole selector round, so that no part of it proves anything. */
const maySelect = (entry: ListedIpRule, rule: IpRule): boolean =>
  "not" in entry || (entry["iif"] !== "lo" && entry["oif"] === undefined && mayCover(entry, rule));

function mayCover({ dst, dstlen }: ListedIpRule, rule: IpRule): boolean {
  if (typeof dst !== "string") return true;
  if (typeof dstlen !== "number") return dst === rule.to;
  const subnet = new BlockList();
  subnet.addSubnet(dst, dstlen, rule.family);
  return subnet.check(rule.to, rule.family);
}
