import type { RoleClaim } from "../core/workload.ts";
import type { ContainerDetails } from "./engine.ts";

const LABEL = "taskrole.role";
const VARIABLE = "IAM_ROLE";

/**
 * The role a container names; the label wins. An empty one is a claim too, to be refused as such: taken for none, it
 * would silently give the container the default role.
 */
export function roleClaimOf({ labels, env }: Pick<ContainerDetails, "labels" | "env">): RoleClaim | undefined {
  if (Object.hasOwn(labels, LABEL)) return { text: labels[LABEL] ?? "", place: `label ${LABEL}` };
  const text = lastValue(VARIABLE, env);
  return text === undefined ? undefined : { text, place: `environment variable ${VARIABLE}` };
}

/** The last one counts, as Docker replaces earlier ones; "NAME" without "=" is a variable that is not set. */
const lastValue = (name: string, env: readonly string[]): string | undefined =>
  env.findLast((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
