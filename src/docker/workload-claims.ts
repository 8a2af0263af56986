import { createHash } from "node:crypto";
import type { Workload, WorkloadClaim } from "../core/workload.ts";
import type { ContainerDetails } from "./engine.ts";

const ROLE_LABEL = "taskrole.role";
const ROLE_VARIABLE = "IAM_ROLE";
const PATHS_LABEL = "taskrole.metadata";
/** https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html */
const AUTHORIZATION_VARIABLE = "AWS_CONTAINER_AUTHORIZATION_TOKEN";

/** One life of a container: who it is, and all that it says of itself. */
export function workloadOf(
  container: Pick<ContainerDetails, "id" | "name" | "startedAt" | "labels" | "env">,
): Workload {
  const { id, name, startedAt } = container;
  const roleClaim = roleClaimOf(container);
  const pathsClaim = fromLabel(PATHS_LABEL, container.labels);
  const authorization = lastValue(AUTHORIZATION_VARIABLE, container.env);
  return {
    ...{ id, name, startedAt },
    ...(roleClaim && { roleClaim }),
    ...(pathsClaim && { pathsClaim }),
    ...(authorization && { authorizationDigest: createHash("sha256").update(authorization).digest("hex") }),
  };
}

/**
 * The role a container names; the label wins. An empty one is a claim too, to be refused as such: taken for none, it
 * would silently give the container the default role.
 */
function roleClaimOf({ labels, env }: Pick<ContainerDetails, "labels" | "env">): WorkloadClaim | undefined {
  const labelled = fromLabel(ROLE_LABEL, labels);
  if (labelled) return labelled;
  const text = lastValue(ROLE_VARIABLE, env);
  return text === undefined ? undefined : { text, place: `environment variable ${ROLE_VARIABLE}` };
}

const fromLabel = (label: string, labels: ContainerDetails["labels"]): WorkloadClaim | undefined =>
  Object.hasOwn(labels, label) ? { text: labels[label] ?? "", place: `label ${label}` } : undefined;

/** The last one counts, as Docker replaces earlier ones; "NAME" without "=" is a variable that is not set. */
const lastValue = (name: string, env: readonly string[]): string | undefined =>
  env.findLast((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
