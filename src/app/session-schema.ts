import { z } from "zod";
import { parsePathList } from "../core/path-policy.ts";
import { parseRoleReference } from "../core/role-reference.ts";
import {
  externalIdFault,
  type Fault,
  MOST_POLICY_ARNS,
  MOST_POLICY_TEXT,
  MOST_TAGS,
  policyArnFault,
  sourceIdentityFault,
  tagKeyFault,
  tagValueFault,
} from "../core/session-limits.ts";
import { parseSessionPolicy, readSessionPolicy } from "../core/session-policy.ts";
import { literalText, parseTemplate } from "../core/session-template.ts";
import { suggestion } from "../kit/suggestion.ts";

/*
 * What an operator writes of a session, in a setting, a rule or the role map. Each is only checked here and kept as written, so
 * that it can be shown as such.
 */

/** A text that a check of core's takes. */
export const textThat = (must: string, faultOf: (text: string) => Fault) =>
  z.string({ error: must }).superRefine((value, context) => {
    const reason = faultOf(value);
    if (reason !== undefined) context.addIssue({ code: "custom", message: reason });
  });

export const roleReference = textThat("must be a role: an ARN, or [PATH/]NAME[@ACCOUNT]", (text) => {
  const parsed = parseRoleReference(text);
  return parsed.kind === "bad-role-reference" ? `is no role: ${parsed.reason}` : undefined;
});

/** Role chaining caps a session at one hour: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining */
export const MAX_SESSION_SECONDS = 3600;
const SECONDS_ERROR = `must be a whole number from 900 to ${MAX_SESSION_SECONDS}`;

export const sessionSeconds = z
  .int({ error: SECONDS_ERROR })
  .min(900, { error: SECONDS_ERROR })
  .max(MAX_SESSION_SECONDS, {
    error: `${SECONDS_ERROR}: sessions of a role assumed by a role end after an hour`,
  });

/** @param literalFault of what stands in it whatever the workload is */
const templateThat = (literalFault: (text: string) => Fault) =>
  textThat('must be a text like "{container.name}-{container.id}"', (text) => {
    const parsed = parseTemplate(text);
    if ("kind" in parsed) return `is no template: ${parsed.reason}`;
    const reason = literalFault(literalText(parsed));
    return reason === undefined ? undefined : `cannot be so: ${reason}`;
  });

/** Of a name, which is made one that STS takes. */
export const sessionTemplate = templateThat(() => undefined);
export const sourceIdentity = templateThat(sourceIdentityFault);

/** What a container's label taskrole.metadata may say. */
export const pathList = textThat('must be "none" or a list of paths', (text) => {
  const parsed = parsePathList(text);
  return "kind" in parsed ? `is no list of paths: ${parsed.reason}` : undefined;
});

/** A JSON text, or the same in YAML. */
export const sessionPolicy = z
  .union([z.string(), z.record(z.string(), z.unknown())], {
    error: "must be a policy: an object, or its JSON in a text",
  })
  .superRefine((value, context) => {
    const policy = policyOf(value);
    if ("kind" in policy) context.addIssue({ code: "custom", message: `is no session policy: ${policy.reason}` });
    else if (policy.text.length > MOST_POLICY_TEXT)
      context.addIssue({ code: "custom", message: tooLong(policy.text.length) });
  });

export const policyOf = (value: string | Readonly<Record<string, unknown>>) =>
  typeof value === "string" ? parseSessionPolicy(value) : readSessionPolicy(value);

const tooLong = (size: number): string =>
  `is too long: with its policyArns it has ${size} characters, and STS takes ${MOST_POLICY_TEXT}`;

const lower = (text: string): string => text.toLowerCase();
/** STS does not tell a tag's A from a. */
const twins = (keys: readonly string[]): string | undefined =>
  keys.find((key, index) => keys.findIndex((other) => lower(other) === lower(key)) < index);

export const sessionTags = z
  .record(z.string(), templateThat(tagValueFault), { error: "must map tag keys to texts" })
  .superRefine((tags, context) => {
    const keys = Object.keys(tags);
    for (const key of keys) {
      const reason = tagKeyFault(key);
      if (reason !== undefined)
        context.addIssue({ code: "custom", path: [key], message: `is no tag: of its key, ${reason}` });
    }
    const twin = twins(keys);
    if (twin !== undefined)
      context.addIssue({
        code: "custom",
        message: `has the key ${JSON.stringify(twin)} twice: STS does not tell A from a`,
      });
    if (keys.length > MOST_TAGS)
      context.addIssue({ code: "custom", message: `has ${keys.length} tags, and STS takes ${MOST_TAGS}` });
  });

export const transitiveTags = z.array(z.string(), { error: "must be a list of tag keys" });

export const externalId = textThat("must be a text", externalIdFault);

export const policyArns = z
  .array(textThat("must be the ARN of a policy", policyArnFault), "must be a list of policy ARNs")
  .max(MOST_POLICY_ARNS, { error: `names more policies than STS takes (${MOST_POLICY_ARNS})` });

interface WrittenPolicies {
  readonly policy?: z.output<typeof sessionPolicy> | undefined;
  readonly policyArns?: readonly string[] | undefined;
}

/** STS counts both together. */
export function demandThatPoliciesFit(
  { policy, policyArns: arns = [] }: WrittenPolicies,
  context: z.RefinementCtx,
): void {
  const inline = policy === undefined ? undefined : policyOf(policy);
  const size = (inline && "text" in inline ? inline.text.length : 0) + arns.join("").length;
  if (arns.length > 0 && size > MOST_POLICY_TEXT)
    context.addIssue({ code: "custom", path: ["policyArns"], message: tooLong(size) });
}

/** One with a hint for a key that is none of its own. */
export function strict<T extends z.ZodRawShape>(shape: T, must: string) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? issue.keys.map((key) => `has no "${key}"${suggestion(key, Object.keys(shape))}`).join("; ")
        : must,
  });
}
