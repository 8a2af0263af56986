import { Refusal } from "./failure.ts";
import type { RoleRule } from "./role-rule.ts";
import {
  externalIdFault,
  MOST_POLICY_ARNS,
  MOST_POLICY_TEXT,
  policyArnFault,
  sourceIdentityFault,
} from "./session-limits.ts";
import { sessionNameOf } from "./session-name.ts";
import { joinedPolicies, parseSessionPolicy, type SessionPolicy } from "./session-policy.ts";
import { demand, demandReadable, rendered, type SessionSubject } from "./session-subject.ts";
import { type SessionTags, sessionTagsOf } from "./session-tags.ts";
import { renderTemplate } from "./session-template.ts";
import type { Workload, WorkloadClaim } from "./workload.ts";

/** What is asked of STS besides the role, within its limits. */
export interface SessionRequest extends SessionTags, SessionLimits {
  /** RoleSessionName. */
  readonly sessionName: string;
  /** DurationSeconds. */
  readonly sessionSeconds: number;
  readonly externalId?: string;
  readonly sourceIdentity?: string;
}

/** What a session may do less than its role. */
interface SessionLimits {
  /** In JSON. */
  readonly policy?: string;
  readonly policyArns?: readonly string[];
}

/** @throws Refusal `bad-session` for what STS would not take, or the operator's rule does not leave room for */
export function sessionRequestOf(subject: SessionSubject): SessionRequest {
  const { workload, settings, rule } = subject;
  for (const { place, reason } of workload.unusableClaims ?? []) demand(workload, place, reason);
  const { externalId, sourceIdentity } = workload.sessionClaims ?? {};
  return {
    sessionName: nameOf(subject),
    sessionSeconds: rule?.sessionSeconds ?? settings.sessionSeconds,
    ...(externalId && { externalId: idOf(workload, externalId) }),
    ...(sourceIdentity && { sourceIdentity: identityOf(subject, sourceIdentity) }),
    ...limitsOf(subject),
    ...sessionTagsOf(subject),
  };
}

function idOf(workload: Workload, { text, place }: WorkloadClaim): string {
  demand(workload, place, externalIdFault(text));
  return text;
}

function nameOf(subject: SessionSubject): string {
  const { workload, settings } = subject;
  const claim = workload.sessionClaims?.sessionName;
  const text = claim ? rendered(subject, claim) : (renderTemplate(settings.sessionName, workload, settings.host) ?? "");
  return sessionNameOf(text, workload.id);
}

function identityOf(subject: SessionSubject, claim: WorkloadClaim): string {
  const identity = rendered(subject, claim);
  demand(subject.workload, claim.place, sourceIdentityFault(identity));
  return identity;
}

/**
 * STS takes all session policies together: what any of them allows is allowed, as far as the role allows it. So beside the
 * ceiling of a rule a workload may only deny.
 */
function limitsOf(subject: SessionSubject): SessionLimits {
  const { workload, rule } = subject;
  const { policy, policyArns } = workload.sessionClaims ?? {};
  const own = { policy: policy && policyIn(workload, policy), arns: policyArns && arnsIn(workload, policyArns) };
  const hasCeiling = rule !== undefined && (rule.policy !== undefined || rule.policyArns.length > 0);
  return fitting(workload, hasCeiling ? underCeiling(subject, own, rule) : withoutCeiling(subject, own));
}

/** Undefined where there is none. */
interface Policies {
  readonly policy: SessionPolicy | undefined;
  readonly arns: readonly string[] | undefined;
}

function underCeiling({ workload }: SessionSubject, own: Policies, ceiling: RoleRule): Policies {
  const { policy, policyArns } = workload.sessionClaims ?? {};
  if (policyArns) demand(workload, policyArns.place, ABOVE_CEILING);
  if (policy && !own.policy?.onlyDenies) demand(workload, policy.place, ABOVE_CEILING);
  const isBoth = own.policy !== undefined && ceiling.policy !== undefined;
  const joined = isBoth ? joinedPolicies(ceiling.policy, own.policy) : (own.policy ?? ceiling.policy);
  return { policy: joined, arns: ceiling.policyArns };
}

/** The operator's default is for whoever brings no limit of its own. */
function withoutCeiling({ settings, hasDefaultRole }: SessionSubject, own: Policies): Policies {
  const isUnlimited = own.policy === undefined && own.arns === undefined;
  return isUnlimited && hasDefaultRole ? { policy: settings.defaultPolicy, arns: undefined } : own;
}

const ABOVE_CEILING =
  "the operator's rule sets a ceiling, beside which STS would add what this allows: it may only hold Deny statements";

function policyIn(workload: Workload, claim: WorkloadClaim): SessionPolicy {
  demandReadable(workload, claim);
  const policy = parseSessionPolicy(claim.text);
  if (!("kind" in policy)) return policy;
  throw new Refusal({ kind: "bad-session", workload: workload.name, place: claim.place, reason: policy.reason });
}

function arnsIn(workload: Workload, claim: WorkloadClaim): readonly string[] {
  demandReadable(workload, claim);
  const { text, place } = claim;
  const arns = text.split(/[\s,]+/).filter((arn) => arn !== "");
  demand(workload, place, arns.length === 0 ? "it names no policy" : undefined);
  for (const arn of arns) demand(workload, place, policyArnFault(arn));
  const isTooMany = arns.length > MOST_POLICY_ARNS;
  demand(
    workload,
    place,
    isTooMany ? `it names ${arns.length} policies, and STS takes ${MOST_POLICY_ARNS}` : undefined,
  );
  return arns;
}

/** The operator's own part was measured when it was read; what is too long here is so by the workload's. */
function fitting(workload: Workload, { policy, arns = [] }: Policies): SessionLimits {
  const size = (policy?.text.length ?? 0) + arns.join("").length;
  const reason = `the session's policies have ${size} characters together, and STS takes ${MOST_POLICY_TEXT}`;
  const { policy: own, policyArns: ownArns } = workload.sessionClaims ?? {};
  const place = [own, ownArns].flatMap((claim) => claim?.place ?? []).join(" and ");
  demand(workload, place, size > MOST_POLICY_TEXT ? reason : undefined);
  return { ...(policy && { policy: policy.text }), ...(arns.length > 0 && { policyArns: arns }) };
}
