import { coversPattern } from "./iam-pattern.ts";
import { isEveryRole } from "./role-pattern.ts";

/** As IAM takes it: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html */
export interface PolicyDocument {
  readonly Version: "2012-10-17";
  readonly Statement: readonly PolicyStatement[];
}

interface PolicyStatement {
  readonly Effect: "Allow" | "Deny";
  readonly Principal?: { readonly AWS: string };
  readonly Action: OneOrMore;
  readonly Resource?: OneOrMore;
  readonly NotResource?: OneOrMore;
  readonly Condition?: { readonly StringEquals: Readonly<Record<string, OneOrMore>> };
}

type OneOrMore = string | readonly string[];

/** Roles that workloads can be granted, and what their sessions carry. */
export interface GrantableRoles extends SessionExtras {
  /** An ARN, or a pattern of ARNs that IAM takes as a Resource. */
  readonly pattern: string;
}

export interface SessionExtras {
  readonly isTagged: boolean;
  readonly hasSourceIdentity: boolean;
  /** Every session of them carries one of these; none: of external ids nothing is known. */
  readonly externalIds: readonly string[];
}

/**
 * What lets the host's role assume these roles, less those denied, and no others: also not one of its own account whose trust
 * policy names it, which would let it in without any permission.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-resource-based-policies.html
 */
export function permissionPolicy(roles: readonly GrantableRoles[], denied: readonly string[]): PolicyDocument {
  const needed = withoutNeedless(roles);
  const byKind = Map.groupBy(needed, (one) => `${accountOf(one.pattern)} ${actionsFor(one).join(" ")}`);
  const allowed = [...byKind.values()].flatMap((alike): PolicyStatement[] => {
    const [first] = alike;
    if (!first) return [];
    return [{ Effect: "Allow", Action: oneOrMore(actionsFor(first)), Resource: oneOrMore(alike.map(patternOf)) }];
  });
  return document([...allowed, ...denials(needed.map(patternOf), denied)]);
}

/** Without those that another covers with all that they need. Of two that say the same the first stays. */
function withoutNeedless(roles: readonly GrantableRoles[]): readonly GrantableRoles[] {
  const wide = [...roles.entries()].filter(([, { pattern }]) => /[*?]/.test(pattern));
  return roles.filter(
    (one, place) =>
      !wide.some(([at, other]) => at !== place && coversRoles(other, one) && (at < place || !coversRoles(one, other))),
  );
}

const coversRoles = (one: GrantableRoles, other: GrantableRoles): boolean =>
  coversPattern(one.pattern, other.pattern) && actionsFor(other).every((action) => actionsFor(one).includes(action));

function denials(allowed: readonly string[], denied: readonly string[]): readonly PolicyStatement[] {
  const deny = { Effect: "Deny", Action: ASSUME } as const;
  if (allowed.length === 0) return [{ ...deny, Resource: "*" }];
  return [
    ...(denied.length > 0 ? [{ ...deny, Resource: oneOrMore(denied) }] : []),
    ...(allowed.some(isEveryRole) ? [] : [{ ...deny, NotResource: oneOrMore([...new Set(allowed)]) }]),
  ];
}

/**
 * What a role says to be assumed by the host. Tags and a source identity are allowed apart: the external id then need not be
 * looked at twice, and alone they give nothing.
 */
export function trustPolicy(hostRoleArn: string, extras: SessionExtras): PolicyDocument {
  const allow = { Effect: "Allow", Principal: { AWS: hostRoleArn } } as const;
  const [, ...besides] = actionsFor(extras);
  const { externalIds } = extras;
  const Condition = { StringEquals: { "sts:ExternalId": oneOrMore(externalIds) } };
  return document([
    { ...allow, Action: ASSUME, ...(externalIds.length > 0 && { Condition }) },
    ...(besides.length > 0 ? [{ ...allow, Action: oneOrMore(besides) }] : []),
  ]);
}

/** Twelve digits, or "*" where the pattern does not say one. */
export function accountOf(pattern: string): string {
  const account = pattern.split(":")[4] ?? "";
  return /^\d{12}$/.test(account) ? account : "*";
}

const ASSUME = "sts:AssumeRole";

const actionsFor = ({ isTagged, hasSourceIdentity }: SessionExtras): readonly string[] => [
  ASSUME,
  ...(isTagged ? ["sts:TagSession"] : []),
  ...(hasSourceIdentity ? ["sts:SetSourceIdentity"] : []),
];

const patternOf = ({ pattern }: GrantableRoles): string => pattern;

const oneOrMore = (texts: readonly string[]): OneOrMore => (texts.length === 1 ? (texts[0] ?? "") : texts);

const document = (Statement: readonly PolicyStatement[]): PolicyDocument => ({ Version: "2012-10-17", Statement });
