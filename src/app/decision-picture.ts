import { explainFailure } from "../audit/explain-failure.ts";
import { type Failure, Refusal } from "../core/failure.ts";
import { type Grant, type GrantSettings, grantFor, needsHome, nominationOf } from "../core/grant.ts";
import type { HomeAccount } from "../core/role-arn.ts";
import type { Workload } from "../core/workload.ts";

/** What a workload would be granted, or why nothing: as an operator reads it, and as he may write what he expects. */
export type DecisionPicture = GrantedPicture | RefusedPicture;

export interface GrantedPicture {
  readonly container: string;
  readonly granted: true;
  /** An ARN. */
  readonly role: string;
  /** Where the role was written. */
  readonly roleFrom: string;
  /** Which of the roleRules, from 1; undefined where there are none. */
  readonly rule?: number;
  readonly sessionName: string;
  readonly sessionSeconds: number;
  readonly externalId?: string;
  /** In JSON. */
  readonly policy?: string;
  readonly policyArns?: readonly string[];
  readonly sessionTags?: Readonly<Record<string, string>>;
  readonly transitiveTags?: readonly string[];
  readonly sourceIdentity?: string;
}

export interface RefusedPicture {
  readonly container: string;
  readonly granted: false;
  /** The word of the log. */
  readonly refusal: string;
  readonly rule?: number;
  readonly reason: string;
  readonly remedy: string;
}

export interface DecisionContext {
  readonly settings: GrantSettings;
  /** Undefined where the host's own account is not known: away from the host. */
  readonly home: HomeAccount | undefined;
}

/** Decides as the daemon would, without asking anybody. */
export function decisionPicture(workload: Workload, { settings, home }: DecisionContext): DecisionPicture {
  try {
    const nomination = nominationOf(workload, settings);
    if (needsHome(nomination) && !home) return accountUnknown(workload, nomination.place);
    return grantedPicture(workload, grantFor(workload, nomination, { settings, home }));
  } catch (error) {
    if (error instanceof Refusal) return refusedPicture(workload, error.failure);
    throw error;
  }
}

function grantedPicture({ name }: Workload, grant: Grant): GrantedPicture {
  const { externalId, policy, policyArns, tags, transitiveTagKeys, sourceIdentity, decidedBy } = grant;
  return {
    container: name,
    granted: true,
    role: grant.roleArn,
    roleFrom: decidedBy.place,
    ...(decidedBy.rule !== undefined && { rule: decidedBy.rule }),
    sessionName: grant.sessionName,
    sessionSeconds: grant.sessionSeconds,
    ...(externalId !== undefined && { externalId }),
    ...(policy !== undefined && { policy }),
    ...(policyArns && { policyArns }),
    ...(tags && { sessionTags: tags }),
    ...(transitiveTagKeys && { transitiveTags: transitiveTagKeys }),
    ...(sourceIdentity !== undefined && { sourceIdentity }),
  };
}

const refusedPicture = ({ name }: Workload, failure: Failure): RefusedPicture => ({
  container: name,
  granted: false,
  refusal: failure.kind,
  ...(failure.kind === "role-refused" && { rule: failure.rule }),
  ...explainFailure(failure),
});

const accountUnknown = ({ name }: Workload, place: string): RefusedPicture => ({
  container: name,
  granted: false,
  refusal: "account-unknown",
  reason: `the role in ${place} is written without its account, so it is in the host's own, which is not known here`,
  remedy: "say which it is with --default-account-id",
});
