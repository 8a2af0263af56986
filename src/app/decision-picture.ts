import { explainFailure } from "../audit/explain-failure.ts";
import { type Failure, Refusal } from "../core/failure.ts";
import { type Grant, type GrantSettings, grantFor, needsHome, nominationOf } from "../core/grant.ts";
import { ownPathsOf } from "../core/own-paths.ts";
import type { HomeAccount } from "../core/role-arn.ts";
import { type TokenDemand, tokenDemandOf } from "../core/token-demand.ts";
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
  /** Whether its requests must bring a metadata token. */
  readonly tokens: TokenDemand;
  /** What the container left itself of the host's metadata: "meta-data/placement"; undefined for all that is let through. */
  readonly paths?: readonly string[];
  /** What the container says of these two and cannot be read, with the remedy: it has its role all the same. */
  readonly mistakes?: readonly string[];
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
  readonly metadataTokens: TokenDemand;
  /** Undefined where the host's own account is not known: away from the host. */
  readonly home: HomeAccount | undefined;
}

/** Decides as the daemon would, without asking anybody. */
export function decisionPicture(workload: Workload, context: DecisionContext): DecisionPicture {
  const { settings, home } = context;
  try {
    const nomination = nominationOf(workload, settings);
    if (needsHome(nomination) && !home) return accountUnknown(workload, nomination.place);
    const grant = grantFor(workload, nomination, { settings, home });
    return { ...grantedPicture(workload, grant), ...servicePicture(workload, context) };
  } catch (error) {
    if (error instanceof Refusal) return refusedPicture(workload, error.failure);
    throw error;
  }
}

type ServicePicture = Pick<GrantedPicture, "tokens" | "paths" | "mistakes">;

/** How the metadata service treats it besides. A word that cannot be read is taken as the service takes it: for the most careful. */
function servicePicture(workload: Workload, { metadataTokens }: DecisionContext): ServicePicture {
  const mistakes: string[] = [];
  const read = <T>(what: () => T, instead: T): T => {
    try {
      return what();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { reason, remedy } = explainFailure(error.failure);
      mistakes.push(`${reason}; ${remedy}`);
      return instead;
    }
  };
  const tokens = read(() => tokenDemandOf(workload, metadataTokens), "required");
  const paths = read(() => ownPathsOf(workload), [])?.map(({ segments }) => segments.join("/"));
  return { tokens, ...(paths && { paths }), ...(mistakes.length > 0 && { mistakes }) };
}

function grantedPicture({ name }: Workload, grant: Grant): Omit<GrantedPicture, keyof ServicePicture> {
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
