import type { Credentials, EpochMs } from "../core/credentials.ts";
import { utcSeconds } from "../core/utc-seconds.ts";

/**
 * The body of GET .../iam/security-credentials/ROLE: these seven keys and no
 * others, since some clients count them, in the real service's own layout.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
 */
export const credentialsDocument = (credentials: Credentials): string =>
  document({
    Code: "Success",
    LastUpdated: utcSeconds(credentials.issuedAt),
    Type: "AWS-HMAC",
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey,
    Token: credentials.sessionToken,
    Expiration: utcSeconds(credentials.expiresAt),
  });

/** What the real service says, with status 200, when the role cannot be assumed: clients report it and go on. */
export const deniedDocument = (roleName: string, at: EpochMs): string =>
  document({
    Code: "AssumeRoleUnauthorizedAccess",
    Message: `EC2 cannot assume the role ${roleName}. Please see documentation at https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html#troubleshoot_iam-ec2_errors-info-doc.`,
    LastUpdated: utcSeconds(at),
  });

/** The body of GET .../iam/info: an instance profile named like the role, as the console makes them. */
export const iamInfoDocument = ({
  roleArn,
  roleName,
  at,
}: {
  roleArn: string;
  roleName: string;
  at: EpochMs;
}): string =>
  document({
    Code: "Success",
    LastUpdated: utcSeconds(at),
    InstanceProfileArn: roleArn.replace(/:role\/.*$/, `:instance-profile/${roleName}`),
    InstanceProfileId: profileId(roleArn),
  });

/** Two-space indent and a space before the colon, as the real service writes it. */
const document = (fields: Readonly<Record<string, string>>): string =>
  `{\n${Object.entries(fields)
    .map(([key, value]) => `  ${JSON.stringify(key)} : ${JSON.stringify(value)}`)
    .join(",\n")}\n}`;

/** AIPA and 17 letters or digits that depend on the role alone: ids are stable, and this one names nothing real. */
function profileId(roleArn: string): string {
  let state = 0n;
  for (const character of roleArn) state = (state * 1_000_003n + BigInt(character.codePointAt(0) ?? 0)) % 36n ** 17n;
  return `AIPA${state.toString(36).padStart(17, "0").toUpperCase()}`;
}
