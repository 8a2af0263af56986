import { z } from "zod";
import type { PermissionStatement } from "./permission-policy.ts";
import { effect, oneOrMore, statements, version } from "./policy-elements-schema.ts";

/** Those of other services are read, and are about no role. */
const action = z
  .string()
  .regex(/^(?:\*|[a-z0-9-]+:[A-Za-z0-9*?]+)$/i, 'is no action: write one such as "sts:AssumeRole", or "*"')
  .transform((text) => text.toLowerCase());

const resource = z
  .string()
  .regex(/^(?:\*|arn:[^\s]*)$/, 'is no resource: write "*" or a pattern such as "arn:aws:iam::*:role/containers/*"');

const statement = z
  .strictObject({
    Sid: z.string().optional(),
    Effect: effect,
    Action: oneOrMore(action),
    Resource: oneOrMore(resource).optional(),
    NotResource: oneOrMore(resource).optional(),
  })
  .refine(
    ({ Resource, NotResource }) => (Resource === undefined) !== (NotResource === undefined),
    "must have either Resource or NotResource",
  )
  .transform(
    ({ Effect, Action, Resource, NotResource = [] }): PermissionStatement => ({
      effect: Effect,
      actions: Action,
      resources: Resource ? { kind: "these", patterns: Resource } : { kind: "others", patterns: NotResource },
    }),
  );

/**
 * A permission policy in IAM's own JSON, as far as the mock can judge by it; a Condition, which it could not, is refused.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
 */
export const permissionPolicySchema = z
  .strictObject({
    Version: version,
    Id: z.string().optional(),
    Statement: statements(statement, "must not be empty: write hostMayAssume: [] for a host that may assume nothing"),
  })
  .transform(({ Statement }): readonly PermissionStatement[] => Statement);
