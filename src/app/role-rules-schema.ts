import { z } from "zod";
import { CURRENT_VERSION, isCurrent } from "../core/session-policy.ts";
import {
  demandThatPoliciesFit,
  policyArns,
  policyOf,
  roleReference,
  sessionPolicy,
  sessionSeconds,
  sessionTags,
  strict,
  textThat,
  transitiveTags,
} from "./session-schema.ts";

/* What an operator writes of who may have which role. It is kept as written; grant-settings.ts makes of it what decides. */

const pattern = (of: string) =>
  z.string({ error: `must be a pattern of ${of}` }).min(1, { error: "must not be empty" });

/** `*` alone, and what fits every role in every account, is flagged when it is read and not refused: see role-rules-review.ts. */
const rolePattern = textThat("must be a pattern of role ARNs", (text) => {
  if (/\s/.test(text) || text === "") return "must be a pattern of role ARNs, without white space";
  return /^[*?]/.test(text) || text.startsWith("arn:")
    ? undefined
    : `fits no role: patterns are of whole ARNs, like "arn:aws:iam::*:role/${text}"`;
});

const match = strict(
  {
    label: z
      .record(z.string(), z.string({ error: "must be a pattern of the label's value, in quotes" }), {
        error: "must map labels to patterns",
      })
      .optional(),
    image: pattern("images").optional(),
    name: pattern("container names").optional(),
    network: pattern("network names").optional(),
    composeProject: pattern("Compose projects").optional(),
    userNamespace: z.string({ error: "must be a pattern of --userns" }).optional(),
  },
  "must say which containers the rule is for; {} is for all",
);

/** Joined to a container's own it becomes one of 2012, in which `${…}` is a variable that was a text before. */
const ceiling = sessionPolicy.superRefine((value, context) => {
  const policy = policyOf(value);
  if ("kind" in policy || isCurrent(policy)) return;
  const message = `is no ceiling: its Version must be "${CURRENT_VERSION}", as that of whatever a container's own is joined to`;
  context.addIssue({ code: "custom", message });
});

const roleRule = strict(
  {
    match,
    allow: z.array(rolePattern, "must be a list of patterns of role ARNs").default([]),
    deny: z.array(rolePattern, "must be a list of patterns of role ARNs").default([]),
    defaultRole: roleReference.optional(),
    policy: ceiling.optional(),
    policyArns: policyArns.default([]),
    sessionSeconds: sessionSeconds.optional(),
    sessionTags: sessionTags.default({}),
    transitiveTags: transitiveTags.default([]),
  },
  "must be a rule: match, and allow or deny",
).superRefine(demandThatPoliciesFit);

export const roleRules = z.array(roleRule, "must be a list of rules");
export type WrittenRule = z.output<typeof roleRule>;
