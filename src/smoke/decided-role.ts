import { hostname } from "node:os";
import { decisionPicture } from "../app/decision-picture.ts";
import { grantSettings } from "../app/grant-settings.ts";
import type { Config } from "../app/options.ts";
import { foundContainer } from "../app/workload-lookup.ts";
import type { HomeAccount } from "../core/role-arn.ts";
import { parseRoleReference } from "../core/role-reference.ts";
import type { WorkloadSource } from "../docker/workload-claims.ts";

/** What a container is to have. */
export interface DecidedRole {
  /** "": none. */
  readonly roleName: string;
  /** The place that says so, or why there is none. */
  readonly because: string;
}

/**
 * By the daemon's own decision: a rule's default beats the setting, and either may be refused.
 *
 * @param home undefined where the host's account is not known
 */
export function decidedRole(container: WorkloadSource, config: Config, home: HomeAccount | undefined): DecidedRole {
  const { workload, refusedBecause } = foundContainer(container, config);
  if (refusedBecause !== undefined) return { roleName: "", because: refusedBecause };
  const { metadataTokens } = config;
  const picture = decisionPicture(workload, { settings: grantSettings(config, hostname()), metadataTokens, home });
  return picture.granted
    ? { roleName: nameIn(picture.role), because: picture.roleFrom }
    : { roleName: "", because: picture.reason };
}

/** "" of what is no ARN, which no grant names. */
function nameIn(roleArn: string): string {
  const role = parseRoleReference(roleArn);
  return role.kind === "arn" ? role.name : "";
}
