import type { AssumeRoleCommandInput } from "@aws-sdk/client-sts";
import type { Grant } from "../core/grant.ts";

/** Each part of a grant in the parameter that is its own, and nothing that the grant does not say. */
export function assumeRoleInput(grant: Grant): AssumeRoleCommandInput {
  const { externalId, policy, policyArns, tags, transitiveTagKeys, sourceIdentity } = grant;
  return {
    RoleArn: grant.roleArn,
    RoleSessionName: grant.sessionName,
    DurationSeconds: grant.sessionSeconds,
    ...(externalId !== undefined && { ExternalId: externalId }),
    ...(policy !== undefined && { Policy: policy }),
    ...(policyArns && { PolicyArns: policyArns.map((arn) => ({ arn })) }),
    ...(tags && { Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) }),
    ...(transitiveTagKeys && { TransitiveTagKeys: [...transitiveTagKeys] }),
    ...(sourceIdentity !== undefined && { SourceIdentity: sourceIdentity }),
  };
}
