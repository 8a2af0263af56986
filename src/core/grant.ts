import { Refusal } from "./failure.ts";
import { parseRoleReference, type RoleReference } from "./role-reference.ts";
import { sessionNameOf } from "./session-name.ts";
import type { Workload } from "./workload.ts";

/** A decision: this workload may be this role, in this session. */
export interface Grant {
  readonly roleArn: string;
  /** The last segment of the ARN: what the metadata service lists. */
  readonly roleName: string;
  readonly sessionName: string;
  readonly sessionSeconds: number;
  /** Every input that shapes the session, joined; the only cache key there is. */
  readonly sessionKey: string;
}

/** The account a bare role name is read in: the host's own. */
export interface HomeAccount {
  /** "aws", "aws-cn", "aws-us-gov", ... */
  readonly partition: string;
  readonly accountId: string;
}

/** What the operator decided for all workloads. */
export interface RoleRules {
  /** For a workload that names no role; without it such a workload has none. */
  readonly defaultRole?: string;
  /** Account aliases: "prod" of "reader@prod" to its twelve digits. */
  readonly accounts: Readonly<Record<string, string>>;
  /** DurationSeconds of every session. */
  readonly sessionSeconds: number;
}

/**
 * The role this workload is to have: its own word, else the operator's default.
 * A word that does not parse is refused, never replaced by the default.
 */
export function roleOf(workload: Workload, rules: RoleRules): RoleReference {
  const claim = workload.roleClaim ?? defaultClaim(rules);
  if (!claim) throw new Refusal({ kind: "no-role", workload: workload.name });
  const role = parseRoleReference(claim.text);
  if (role.kind !== "bad-role-reference") return role;
  throw new Refusal({ kind: "bad-role", workload: workload.name, place: claim.place, reason: sentence(role) });
}

const defaultClaim = ({ defaultRole }: RoleRules) =>
  defaultRole === undefined ? undefined : { text: defaultRole, place: "setting defaultRole" };

const sentence = ({ text, reason }: { text: string; reason: string }): string => `${JSON.stringify(text)}: ${reason}`;

/** True when the role can only be completed with the host's own partition and, perhaps, account. */
export const needsHome = (role: RoleReference): boolean => role.kind === "name";

/** `home` may be undefined only for a role that {@link needsHome} says can do without. */
export function grantFor(workload: Workload, role: RoleReference, options: GrantOptions): Grant {
  const roleArn = arnOf(workload, role, options);
  const sessionName = sessionNameOf(workload);
  const { sessionSeconds } = options.rules;
  return {
    roleArn,
    roleName: role.name,
    sessionName,
    sessionSeconds,
    sessionKey: JSON.stringify([roleArn, sessionName, sessionSeconds]),
  };
}

export interface GrantOptions {
  readonly rules: RoleRules;
  readonly home: HomeAccount | undefined;
}

function arnOf(workload: Workload, role: RoleReference, { rules, home }: GrantOptions): string {
  if (role.kind === "arn") return roleArn(role, role);
  if (!home) throw new Error(`the host's account is needed to read the role ${role.name}`);
  const accountId = role.account === undefined ? home.accountId : accountIdOf(role.account, rules);
  if (accountId !== undefined) return roleArn({ partition: home.partition, accountId }, role);
  const place = workload.roleClaim?.place ?? "setting defaultRole";
  const reason = `"${role.account}" is neither a twelve-digit account nor a name in the setting accounts`;
  throw new Refusal({ kind: "bad-role", workload: workload.name, place, reason });
}

const accountIdOf = (account: string, rules: RoleRules): string | undefined =>
  /^\d{12}$/.test(account) ? account : Object.hasOwn(rules.accounts, account) ? rules.accounts[account] : undefined;

const roleArn = (account: HomeAccount, role: { path: string; name: string }): string =>
  `arn:${account.partition}:iam::${account.accountId}:role${role.path}${role.name}`;
