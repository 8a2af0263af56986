import { isDeepStrictEqual } from "node:util";
import { coversPattern, haveCommonText } from "../core/iam-pattern.ts";
import { haveCommonRole, isEveryRole } from "../core/role-pattern.ts";
import { parseRoleReference } from "../core/role-reference.ts";
import { whyNot } from "../core/role-rule.ts";
import type { WrittenRule } from "./role-rules-schema.ts";

/** A rule as operators count them: from 1. */
interface Numbered {
  readonly rule: WrittenRule;
  readonly number: number;
}

const ANY_ROLE = "arn:aws*:iam::????????????:role/?*";
/** Most patterns, told without the search: ten thousand rules would take it a second. */
const PLAINLY_OF_ROLES = /^(?:arn:aws[a-z-]*:iam::(?:\d{12}|\*):role\/.|\*(?:\/|$))/;
/** Each with each: beyond so many rules nobody reads of pairs any more, and they take long. */
const MOST_RULES_COMPARED = 300;
/** Those take longer, and the daemon looks at them too, when it reloads. */
const MOST_DENIALS_COMPARED = 100;

export interface ReviewedSettings {
  readonly roleRules: readonly WrittenRule[];
  readonly defaultRole?: string | undefined;
}

/** What is no mistake and probably not what was meant, a sentence each. */
export function reviewOfRules({ roleRules, defaultRole }: ReviewedSettings): readonly string[] {
  const all = roleRules.map((rule, index) => ({ rule, number: index + 1 }));
  return [
    ...(defaultRole === undefined || roleRules.length === 0 ? [] : idleDefault(defaultRole, roleRules)),
    ...all.flatMap(warningsOf),
    ...(roleRules.length <= MOST_RULES_COMPARED ? pairWarnings(all) : []),
  ];
}

/** A rule that refuses it to its own may mean to; when all do, the setting means nothing. */
function idleDefault(defaultRole: string, rules: readonly WrittenRule[]): readonly string[] {
  const isUsed = rules.some(
    (rule) => rule.defaultRole === undefined && defaultRefused(rule, defaultRole) === undefined,
  );
  return isUsed
    ? []
    : [`defaultRole ${defaultRole} is for nobody: each of roleRules has one of its own or does not allow this one`];
}

function warningsOf({ rule, number }: Numbered): readonly string[] {
  const { allow, deny, defaultRole, sessionTags, transitiveTags } = rule;
  const every = allow.find(isEveryRole);
  const idle = [...allow, ...deny].filter(
    (pattern) => !PLAINLY_OF_ROLES.test(pattern) && !haveCommonRole(pattern, ANY_ROLE),
  );
  const keys = Object.keys(sessionTags).map((key) => key.toLowerCase());
  const loose = transitiveTags.filter((key) => !keys.includes(key.toLowerCase()));
  const refused = defaultRole === undefined ? undefined : defaultRefused(rule, defaultRole);
  return [
    ...(every === undefined
      ? []
      : [`rule ${number} of roleRules allows ${every}: every role in every account that lets this host in`]),
    ...idle.map((pattern) => `rule ${number} of roleRules has ${pattern}, which fits no role's ARN`),
    ...(allow.length > 0 ? [] : [`rule ${number} of roleRules allows no role: whoever it is for has none`]),
    ...(refused === undefined
      ? []
      : [`rule ${number} of roleRules does not allow its own defaultRole ${defaultRole}: ${refused}`]),
    ...loose.map(
      (key) =>
        `rule ${number} of roleRules makes the tag "${key}" transitive and does not set it: it counts where somebody else does`,
    ),
  ];
}

/** Of a role without its account, or with an account's name, what is so in whatever account. */
function defaultRefused({ allow, deny }: WrittenRule, defaultRole: string): string | undefined {
  const role = parseRoleReference(defaultRole);
  if (role.kind !== "name") return whyNot({ allow, deny }, defaultRole);
  const account = /^\d{12}$/.test(role.account ?? "") ? role.account : "????????????";
  const arn = `arn:aws*:iam::${account}:role${role.path}${role.name}`;
  const against = deny.find((pattern) => coversPattern(pattern, arn));
  if (against !== undefined) return `it denies ${against}`;
  return allow.some((pattern) => haveCommonRole(pattern, arn)) ? undefined : whyNot({ allow, deny: [] }, arn);
}

function pairWarnings(all: readonly Numbered[]): readonly string[] {
  return all.flatMap((later, index) => {
    const earlier = all.slice(0, index);
    const hiding = earlier.find(({ rule }) => coversMatch(rule.match, later.rule.match));
    if (hiding)
      return [
        `rule ${later.number} of roleRules is for nobody: whoever it could be for, rule ${hiding.number} decides before it`,
      ];
    const compared = earlier.slice(0, MOST_DENIALS_COMPARED).filter((one) => isOrderTelling(one.rule, later.rule));
    const denials = compared.flatMap((one) => lateDenial(one, later));
    return denials.length > 0 ? denials : overlap(compared, later);
  });
}

/** Both are for some container, and neither is there as the exception from the other: a last rule for all is meant for the rest. */
function isOrderTelling({ match: earlier }: WrittenRule, { match: later }: WrittenRule): boolean {
  return !isForAll(later) && mayBothMatch(earlier, later);
}

/**
 * Of the same thing (a name, an image, a label) they say different patterns which some text fits both. Rules of different
 * things may nearly always be for one container, and are not remarked on; nor are those that give the same.
 */
function overlap(compared: readonly Numbered[], later: Numbered): readonly string[] {
  const crossing = compared.filter(
    ({ rule }) =>
      haveCrossingPatterns(rule.match, later.rule.match) && !isDeepStrictEqual(saidBy(rule), saidBy(later.rule)),
  );
  const numbers = crossing.map(({ number }) => String(number));
  return numbers.length === 0
    ? []
    : [
        `rule ${later.number} of roleRules overlaps with rule ${numbers.join(" and rule ")}: for whoever fits both the first of them decides`,
      ];
}

function haveCrossingPatterns(
  { label: labels = {}, ...one }: Match,
  { label: otherLabels = {}, ...other }: Match,
): boolean {
  return haveCrossing(one, other) || haveCrossing(labels, otherLabels);
}

const haveCrossing = (one: Patterns, other: Patterns): boolean =>
  Object.entries(one).some(([key, pattern]) => {
    const others = Object.hasOwn(other, key) ? other[key] : undefined;
    return pattern !== undefined && others !== undefined && cross(pattern, others);
  });

const cross = (one: string, other: string): boolean =>
  !coversPattern(one, other) && !coversPattern(other, one) && haveCommonText(one, other);

const saidBy = ({ match, ...said }: WrittenRule): Omit<WrittenRule, "match"> => said;

/** A deny that does not reach a container which an earlier rule is for, too. */
function lateDenial(earlier: Numbered, later: Numbered): readonly string[] {
  const { allow, deny } = earlier.rule;
  const open = later.rule.deny.filter((pattern) => !deny.some((own) => coversPattern(own, pattern)));
  const denied = open.find((pattern) => allow.some((allowed) => haveCommonRole(allowed, pattern)));
  return denied === undefined
    ? []
    : [
        `rule ${later.number} of roleRules denies ${denied}, and rule ${earlier.number} before it allows some of that to containers which both are for: it decides alone`,
      ];
}

const isForAll = ({ label = {}, ...rest }: Match): boolean =>
  [...Object.values(label), ...Object.values(rest)].every((pattern) => pattern === undefined);

/** False where no container can fit both. It has one name, and may be on several networks; its image has a name and an id. */
function mayBothMatch({ label: labels = {}, ...one }: Match, { label: otherLabels = {}, ...other }: Match): boolean {
  const keys = ["name", "composeProject", "userNamespace"] as const;
  return (
    keys.every((key) => meetOrUnsaid(one[key], other[key])) &&
    Object.keys(labels).every(
      (name) => !Object.hasOwn(otherLabels, name) || meetOrUnsaid(labels[name], otherLabels[name]),
    )
  );
}

const meetOrUnsaid = (one: string | undefined, other: string | undefined): boolean =>
  one === undefined || other === undefined || haveCommonText(one, other);

type Match = WrittenRule["match"];
type Patterns = Readonly<Record<string, string | undefined>>;

/** True when whoever the other is for, the one is for too. */
function coversMatch({ label: labels = {}, ...one }: Match, { label: otherLabels = {}, ...other }: Match): boolean {
  return coversAll(one, other) && coversAll(labels, otherLabels);
}

function coversAll(one: Patterns, other: Patterns): boolean {
  return Object.entries(one).every(([name, pattern]) => {
    const narrower = Object.hasOwn(other, name) ? other[name] : undefined;
    return pattern === undefined || (narrower !== undefined && coversPattern(pattern, narrower));
  });
}
