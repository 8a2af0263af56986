import type { ConfigSources } from "../app/config.ts";
import { type Grantable, grantableRoles } from "../app/grantable-roles.ts";
import type { Config } from "../app/options.ts";
import { readRoleMapFile } from "../app/role-map-file.ts";
import type { RoleMapEntry } from "../app/role-map-schema.ts";
import { reviewOfRules } from "../app/role-rules-review.ts";
import { accountOf, type PolicyDocument, permissionPolicy, trustPolicy } from "../core/iam-policy.ts";
import { parseRoleReference } from "../core/role-reference.ts";
import { configOrExit } from "./config-or-exit.ts";

export interface Asked {
  /** An ARN. */
  readonly hostRole: string;
  /** Twelve digits. */
  readonly account?: string;
  /** Containers tag their sessions by label. */
  readonly tags?: true;
  /** Containers set a source identity by label. */
  readonly sourceIdentity?: true;
  readonly format: "text" | "json";
}

/** What `--format json` prints. */
interface Policies {
  readonly hostRole: string;
  readonly permissionPolicy: PolicyDocument;
  readonly trustPolicies: readonly TrustOf[];
}

/** Roles of one account that say the same. */
interface TrustOf {
  /** Twelve digits, or "*": whichever account. */
  readonly account: string;
  /** ARNs, and patterns of ARNs. */
  readonly roles: readonly string[];
  readonly policy: PolicyDocument;
}

/** Prints the policies on stdout, and on stderr what they allow more widely than was probably meant. */
export function runIam(sources: ConfigSources, asked: Asked): void {
  const config = configOrExit(sources);
  const grantable = grantableRoles({
    config,
    entries: entriesOf(config),
    home: homeOf(config, asked),
    labels: { isTagged: asked.tags === true, hasSourceIdentity: asked.sourceIdentity === true },
  });
  const policies = policiesOf(asked.hostRole, grantable);
  const warnings = [...reviewOfRules(config), ...grantable.warnings, ...sizeWarnings(policies)];
  for (const warning of warnings) process.stderr.write(`taskrole: warning: ${warning}\n`);
  process.stdout.write(asked.format === "json" ? `${json(policies)}\n` : textOf(policies));
}

/** Read again here: mistakes in it were the configuration's. */
function entriesOf({ roleMapFile, compat }: Config): readonly RoleMapEntry[] {
  if (roleMapFile === undefined) return [];
  const read = readRoleMapFile(roleMapFile, compat);
  return read.kind === "map" ? read.subnets.map(({ entry }) => entry) : [];
}

function homeOf({ defaultAccountId }: Config, { hostRole, account }: Asked) {
  const role = parseRoleReference(hostRole);
  if (role.kind !== "arn") throw new Error(`a role that was not checked: ${hostRole}`);
  return { partition: role.partition, accountId: account ?? defaultAccountId ?? role.accountId };
}

function policiesOf(hostRole: string, { roles, denied }: Grantable): Policies {
  const trusts = roles.map((extras) => ({
    account: accountOf(extras.pattern),
    role: extras.pattern,
    policy: trustPolicy(hostRole, extras),
  }));
  const alike = Map.groupBy(trusts, ({ account, policy }) => `${account} ${JSON.stringify(policy)}`);
  const trustPolicies = [...alike.values()].flatMap((same): readonly TrustOf[] => {
    const [first] = same;
    return first ? [{ account: first.account, roles: same.map(({ role }) => role), policy: first.policy }] : [];
  });
  return { hostRole, permissionPolicy: permissionPolicy(roles, denied), trustPolicies };
}

/** White space does not count: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
const MOST_INLINE_TEXT = 10_240;

function sizeWarnings({ permissionPolicy: policy }: Policies): readonly string[] {
  const size = JSON.stringify(policy).length;
  return size <= MOST_INLINE_TEXT
    ? []
    : [
        `the permission policy has ${size} characters, and IAM takes ${MOST_INLINE_TEXT} of a role's inline policies: put the roles under common paths, and patterns of those into roleRules`,
      ];
}

const textOf = ({ hostRole, permissionPolicy: policy, trustPolicies }: Policies): string =>
  [
    `The permission policy of ${hostRole}:`,
    json(policy),
    ...trustPolicies.flatMap((trust) => [headOf(trust), json(trust.policy)]),
  ]
    .map((paragraph) => `${paragraph}\n`)
    .join("\n");

function headOf({ account, roles }: TrustOf): string {
  const where = account === "*" ? "In whichever account" : `In the account ${account}`;
  return [`${where}, the trust policy of`, ...roles.map((role) => `  ${wordFor(role)}`)].join("\n");
}

const wordFor = (role: string): string =>
  /[*?]/.test(role) ? `${role} (each of them that containers are to have)` : role;

const json = (value: unknown): string => JSON.stringify(value, null, 2);
