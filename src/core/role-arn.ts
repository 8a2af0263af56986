import type { RoleReference } from "./role-reference.ts";

/** The account a bare role name is read in: the host's own. */
export interface HomeAccount {
  /** "aws", "aws-cn", "aws-us-gov", ... */
  readonly partition: string;
  /** Twelve digits. */
  readonly accountId: string;
}

export interface RoleAccounts {
  /** May be undefined only where the role is an ARN. */
  readonly home: HomeAccount | undefined;
  /** The setting: "prod" of "reader@prod" to its twelve digits. */
  readonly accounts: Readonly<Record<string, string>>;
}

/** @returns undefined when the role's account is neither twelve digits nor a name in `accounts` */
export function roleArnOf(role: RoleReference, { home, accounts }: RoleAccounts): string | undefined {
  if (role.kind === "arn") return roleArn(role, role);
  if (!home) throw new Error(`the host's account is needed to read the role ${role.name}`);
  const { account = home.accountId } = role;
  const isNumber = /^\d{12}$/.test(account);
  const accountId = isNumber ? account : Object.hasOwn(accounts, account) ? accounts[account] : undefined;
  return accountId === undefined ? undefined : roleArn({ partition: home.partition, accountId }, role);
}

const roleArn = ({ partition, accountId }: HomeAccount, role: { path: string; name: string }): string =>
  `arn:${partition}:iam::${accountId}:role${role.path}${role.name}`;
