import { fitsPattern, haveCommonText } from "../core/iam-pattern.ts";
import { parseRoleReference } from "../core/role-reference.ts";
import { whyNot } from "../core/role-rule.ts";
import type { WrittenRule } from "./role-rules-schema.ts";

/** A rule as operators count them: from 1. */
interface Numbered {
  readonly rule: WrittenRule;
  readonly number: number;
}

const EVERY_ROLE = "arn:aws:iam::*:role/*";
/** Each with each: beyond so many rules nobody reads of pairs any more, and they take long. */
const MOST_RULES_COMPARED = 300;
/** Those take longer, and the daemon looks at them too, when it reloads. */
const MOST_DENIALS_COMPARED = 100;

/** What is no mistake and probably not what was meant, a sentence each. @param rules the setting roleRules */
export function reviewOfRules(rules: readonly WrittenRule[]): readonly string[] {
  const all = rules.map((rule, index) => ({ rule, number: index + 1 }));
  return [...all.flatMap(warningsOf), ...(rules.length <= MOST_RULES_COMPARED ? pairWarnings(all) : [])];
}

function warningsOf({ rule, number }: Numbered): readonly string[] {
  const { allow, defaultRole, sessionTags, transitiveTags } = rule;
  const every = allow.find((pattern) => covers(pattern, EVERY_ROLE));
  const keys = Object.keys(sessionTags).map((key) => key.toLowerCase());
  const loose = transitiveTags.filter((key) => !keys.includes(key.toLowerCase()));
  const refused = defaultRole === undefined ? undefined : defaultRefused(rule, defaultRole);
  return [
    ...(every === undefined
      ? []
      : [`rule ${number} of roleRules allows ${every}: every role in every account that lets this host in`]),
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

/** Of a role without account it cannot be said. */
function defaultRefused({ allow, deny }: WrittenRule, defaultRole: string): string | undefined {
  return parseRoleReference(defaultRole).kind === "arn" ? whyNot({ allow, deny }, defaultRole) : undefined;
}

function pairWarnings(all: readonly Numbered[]): readonly string[] {
  return all.flatMap((later, index) => {
    const earlier = all.slice(0, index);
    const hiding = earlier.find(({ rule }) => coversMatch(rule.match, later.rule.match));
    return hiding
      ? [
          `rule ${later.number} of roleRules is for nobody: whoever it could be for, rule ${hiding.number} decides before it`,
        ]
      : earlier.slice(0, MOST_DENIALS_COMPARED).flatMap((one) => lateDenial(one, later));
  });
}

/** A deny that does not reach a container which an earlier rule is for, too. A last rule for all is meant for the rest. */
function lateDenial(earlier: Numbered, later: Numbered): readonly string[] {
  if (isForAll(later.rule.match) || !mayBothMatch(earlier.rule.match, later.rule.match)) return [];
  const { allow, deny } = earlier.rule;
  const open = later.rule.deny.filter((pattern) => !deny.some((own) => covers(own, pattern)));
  const denied = open.find((pattern) => allow.some((allowed) => haveCommonRole(allowed, pattern)));
  return denied === undefined
    ? []
    : [
        `rule ${later.number} of roleRules denies ${denied}, and rule ${earlier.number} before it allows some of that to containers which both are for: it decides alone`,
      ];
}

/** Patterns of whole ARNs part by part: the account's `*` is no more than an account here. */
function haveCommonRole(one: string, other: string): boolean {
  const [parts, others] = [one.split(":"), other.split(":")];
  if (parts.length !== ARN_PARTS || others.length !== ARN_PARTS) return haveCommonText(one, other);
  return parts.every((part, index) => haveCommonText(part, others[index] ?? ""));
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html */
const ARN_PARTS = 6;

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

/** True when whoever the other is for, the one is for too. */
function coversMatch({ label: labels = {}, ...one }: Match, { label: otherLabels = {}, ...other }: Match): boolean {
  return coversAll(one, other) && coversAll(labels, otherLabels);
}

function coversAll(
  one: Readonly<Record<string, string | undefined>>,
  other: Readonly<Record<string, string | undefined>>,
): boolean {
  return Object.entries(one).every(([name, pattern]) => {
    const narrower = Object.hasOwn(other, name) ? other[name] : undefined;
    return pattern === undefined || (narrower !== undefined && covers(pattern, narrower));
  });
}

/** True when whatever fits the other pattern fits the one. Says false where a `?` would have to stand for a `*`. */
const covers = (one: string, other: string): boolean =>
  one === other || (!(one.includes("?") && other.includes("*")) && fitsPattern(one, other));
