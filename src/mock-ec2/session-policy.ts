import { parseSessionPolicy } from "../core/session-policy.ts";
import { malformedPolicy, type StsError } from "./sts-error.ts";

/**
 * What is wrong with an inline session policy, as far as its form goes, in STS's words. The mock has no services to apply it to,
 * so what it allows is not looked at.
 */
export function sessionPolicyError(text: string): StsError | undefined {
  const policy = parseSessionPolicy(text);
  if (!("kind" in policy)) return undefined;
  return malformedPolicy(policy.isJson ? "Syntax errors in policy." : "This policy contains invalid Json");
}
