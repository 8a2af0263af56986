import { fitsPattern } from "../core/iam-pattern.ts";

/** One statement of a role's trust policy, in the words of the evaluation rather than of the JSON. */
export interface TrustStatement {
  readonly effect: "Allow" | "Deny";
  /** "*", a twelve-digit account, or the ARN of a root, role, user or assumed-role session. */
  readonly principals: readonly string[];
  /** Lower case, with wildcards: "sts:assumerole", "sts:*". */
  readonly actions: readonly string[];
  /** All must hold. */
  readonly conditions: readonly TrustCondition[];
}

export interface TrustCondition {
  readonly operator: ConditionOperator;
  /** True for the `…IfExists` form: an absent key satisfies it. */
  readonly ifExists: boolean;
  /** Lower case: IAM's condition keys, tag keys included, know no case. */
  readonly key: string;
  /** One of them must fit; for a negated operator none may. */
  readonly values: readonly string[];
}

/** One question to a trust policy: may this caller do this? */
export interface TrustQuery {
  readonly caller: Principal;
  readonly action: StsAction;
  /** The values of condition keys, by lower-case name; absent when the request has no such value. */
  readonly context: ReadonlyMap<string, string>;
}

export interface Principal {
  /** As GetCallerIdentity says it: for a session, `arn:…:sts::…:assumed-role/NAME/SESSION`. */
  readonly arn: string;
  /** What policies name: the ARN of the role or user behind the caller. */
  readonly principalArn: string;
  readonly accountId: string;
  readonly partition: string;
}

export type StsAction = "sts:AssumeRole" | "sts:TagSession" | "sts:SetSourceIdentity";

/**
 * `to-caller`: the policy names the caller itself (or everyone), which suffices within one account.
 * `to-account`: it names the caller's account, which leaves the decision to the caller's own policies.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-resource-based-policies.html
 */
export type TrustVerdict = "to-caller" | "to-account" | "not-allowed" | "denied";

export function askTrust(statements: readonly TrustStatement[], query: TrustQuery): TrustVerdict {
  const matching = statements.filter((statement) => applies(statement, query));
  if (matching.some(({ effect }) => effect === "Deny")) return "denied";
  const principals = matching.flatMap((statement) => statement.principals);
  if (principals.some((principal) => isCaller(principal, query.caller))) return "to-caller";
  return matching.length > 0 ? "to-account" : "not-allowed";
}

const applies = (statement: TrustStatement, query: TrustQuery): boolean =>
  statement.principals.some((name) => isCaller(name, query.caller) || isAccountOf(name, query.caller)) &&
  statement.actions.some((action) => fitsPattern(action, query.action.toLowerCase())) &&
  statement.conditions.every((condition) => holds(condition, query.context));

const isCaller = (name: string, { arn, principalArn }: Principal): boolean =>
  name === "*" || name === arn || name === principalArn;

const isAccountOf = (name: string, { accountId, partition }: Principal): boolean =>
  name === accountId || name === `arn:${partition}:iam::${accountId}:root`;

const equal = (wanted: string, actual: string): boolean => wanted === actual;
const equalIgnoringCase = (wanted: string, actual: string): boolean => wanted.toLowerCase() === actual.toLowerCase();

interface Comparison {
  readonly fits: (wanted: string, actual: string) => boolean;
  readonly negated?: boolean;
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
const COMPARISONS = {
  StringEquals: { fits: equal },
  StringNotEquals: { fits: equal, negated: true },
  StringEqualsIgnoreCase: { fits: equalIgnoringCase },
  StringNotEqualsIgnoreCase: { fits: equalIgnoringCase, negated: true },
  StringLike: { fits: fitsPattern },
  StringNotLike: { fits: fitsPattern, negated: true },
  ArnEquals: { fits: fitsPattern },
  ArnNotEquals: { fits: fitsPattern, negated: true },
  ArnLike: { fits: fitsPattern },
  ArnNotLike: { fits: fitsPattern, negated: true },
} as const satisfies Readonly<Record<string, Comparison>>;

export type ConditionOperator = keyof typeof COMPARISONS;

export const isConditionOperator = (text: string): text is ConditionOperator => Object.hasOwn(COMPARISONS, text);

export const conditionOperators = (): readonly string[] => Object.keys(COMPARISONS);

/** An absent key fails a positive operator and satisfies a negated one, as in IAM. */
function holds(condition: TrustCondition, context: TrustQuery["context"]): boolean {
  const { fits, negated = false }: Comparison = COMPARISONS[condition.operator];
  const actual = context.get(condition.key);
  if (actual === undefined) return negated || condition.ifExists;
  return condition.values.some((wanted) => fits(wanted, actual)) !== negated;
}
