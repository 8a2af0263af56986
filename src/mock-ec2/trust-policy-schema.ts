import { z } from "zod";
import { keyedRecord } from "./keyed-record.ts";
import { effect, oneOrMore, statements, version } from "./policy-elements-schema.ts";
import {
  type ConditionOperator,
  conditionOperators,
  isConditionOperator,
  type TrustCondition,
  type TrustStatement,
} from "./trust-policy.ts";

/** Wildcards stand alone in a principal, as IAM demands. */
const PRINCIPAL =
  /^(?:\*|\d{12}|arn:aws[\w-]*:iam::\d{12}:(?:root|(?:role|user)\/[!-)+->@-~]+)|arn:aws[\w-]*:sts::\d{12}:assumed-role\/[\w+=,.@-]+\/[\w+=,.@-]+)$/;

const awsPrincipal = z
  .string()
  .regex(
    PRINCIPAL,
    'is no principal: write "*", twelve digits, or the ARN of a root, role, user or assumed-role session, without wildcards (a Condition on aws:PrincipalArn with ArnLike takes them)',
  );

/** Services and federated users are no callers of AssumeRole: they are read, and match nobody. */
const principal = z.preprocess(
  (value) => (value === "*" ? { AWS: "*" } : value),
  z
    .strictObject({
      AWS: oneOrMore(awsPrincipal).optional(),
      Service: oneOrMore(z.string()).optional(),
      Federated: oneOrMore(z.string()).optional(),
    })
    .transform(({ AWS = [] }) => AWS),
);

const action = z
  .string()
  .regex(
    /^(?:\*|sts:[A-Za-z*?]+)$/i,
    'is no action of STS: write "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity" or "sts:*"',
  )
  .transform((text) => text.toLowerCase());

const KEY =
  /^(?:sts:externalid|sts:rolesessionname|sts:sourceidentity|aws:sourceidentity|aws:principalarn|aws:principalaccount|aws:requesttag\/.+)$/i;

const conditionKey = z.string().regex(KEY, {
  error:
    "must be a condition key the mock knows: sts:ExternalId, sts:RoleSessionName, sts:SourceIdentity, " +
    "aws:SourceIdentity, aws:PrincipalArn, aws:PrincipalAccount and aws:RequestTag/KEY",
});

const conditionValue = z
  .string()
  .refine(
    (text) => !text.includes("${"),
    "holds a policy variable, which the mock does not fill in: write the value itself",
  );

const operator = z.string().refine((text) => isConditionOperator(text.replace(/IfExists$/, "")), {
  error: () =>
    `must be a condition operator the mock knows: ${conditionOperators().join(", ")}, each also with IfExists`,
});

const conditions = keyedRecord(operator, keyedRecord(conditionKey, oneOrMore(conditionValue))).transform((byOperator) =>
  Object.entries(byOperator).flatMap(([name, byKey]) => conditionsOf(name, byKey)),
);

function conditionsOf(name: string, byKey: Readonly<Record<string, string[]>>): TrustCondition[] {
  const ifExists = name.endsWith("IfExists");
  // The schema has let only known operators through.
  const known = name.replace(/IfExists$/, "") as ConditionOperator;
  return Object.entries(byKey).map(([key, values]) => ({ operator: known, ifExists, key: key.toLowerCase(), values }));
}

const statement = z
  .strictObject({
    Sid: z.string().optional(),
    Effect: effect,
    Principal: principal,
    Action: oneOrMore(action),
    Condition: conditions.optional(),
  })
  .transform(
    ({ Effect, Principal, Action, Condition = [] }): TrustStatement => ({
      effect: Effect,
      principals: Principal,
      actions: Action,
      conditions: Condition,
    }),
  );

/**
 * A trust policy in IAM's own JSON, as far as the mock can judge by it; what
 * it could not judge is refused, never skipped.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
 */
export const trustPolicySchema = z
  .strictObject({
    Version: version,
    Id: z.string().optional(),
    Statement: statements(statement, "must not be empty: a role that nobody may assume needs no entry"),
  })
  .transform(({ Statement }): readonly TrustStatement[] => Statement);
