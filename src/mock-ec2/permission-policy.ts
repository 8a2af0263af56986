import { fitsAny, fitsPattern } from "../core/iam-pattern.ts";
import type { StsAction } from "./trust-policy.ts";

/** One statement of a permission policy, as far as it can be about assuming roles. */
export interface PermissionStatement {
  readonly effect: "Allow" | "Deny";
  /** Lower case, with wildcards: "sts:assumerole", "sts:*", "s3:getobject". */
  readonly actions: readonly string[];
  readonly resources: ResourceMatch;
}

/** `others`: as NotResource has it, whatever fits none of the patterns. */
export interface ResourceMatch {
  readonly kind: "these" | "others";
  /** ARN patterns. */
  readonly patterns: readonly string[];
}

/** `denied`: a Deny statement covers it, which no other policy can make good. */
export type PermissionVerdict = "allowed" | "not-allowed" | "denied";

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html */
export function askPermission(
  statements: readonly PermissionStatement[],
  query: { readonly action: StsAction; readonly roleArn: string },
): PermissionVerdict {
  const effects = statements.filter((statement) => applies(statement, query)).map(({ effect }) => effect);
  if (effects.includes("Deny")) return "denied";
  return effects.includes("Allow") ? "allowed" : "not-allowed";
}

const applies = (
  { actions, resources: { kind, patterns } }: PermissionStatement,
  { action, roleArn }: { readonly action: StsAction; readonly roleArn: string },
): boolean =>
  actions.some((pattern) => fitsPattern(pattern, action.toLowerCase())) &&
  fitsAny(patterns, roleArn) === (kind === "these");
