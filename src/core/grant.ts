import { Refusal } from "./failure.ts";
import { type HomeAccount, roleArnOf } from "./role-arn.ts";
import { parseRoleReference, type RoleReference } from "./role-reference.ts";
import { type NumberedRule, whyNot } from "./role-rule.ts";
import type { RuleBook } from "./rule-book.ts";
import { type SessionRequest, sessionRequestOf } from "./session-request.ts";
import type { SessionSettings } from "./session-subject.ts";
import type { Workload, WorkloadClaim } from "./workload.ts";

/** A decision: this workload may be this role, in this session. */
export interface Grant extends SessionRequest {
  readonly roleArn: string;
  /** The last segment of the ARN: what the metadata service lists. */
  readonly roleName: string;
  /** Every input that shapes the session, joined; the only cache key there is. */
  readonly sessionKey: string;
  readonly decidedBy: Decision;
}

/** How it came to a grant, for the operator. */
export interface Decision {
  /** Where the role was written, e.g. "label taskrole.role". */
  readonly place: string;
  /** Which of the roleRules, from 1; undefined where there are none. */
  readonly rule?: number;
}

/** What the operator decided for all workloads. */
export interface GrantSettings extends SessionSettings {
  /** For a workload that names no role; without it such a workload has none. */
  readonly defaultRole?: string;
  /** Account aliases: "prod" of "reader@prod" to its twelve digits. */
  readonly accounts: Readonly<Record<string, string>>;
  /** None: any workload may have any role that the host may assume. */
  readonly roleRules: RuleBook;
}

/** What a workload is to be, before it is known whether it may. */
export interface Nomination {
  readonly role: RoleReference;
  readonly place: string;
  readonly isDefault: boolean;
  /** Undefined where there are no rules at all. */
  readonly rule: NumberedRule | undefined;
}

/**
 * The role this workload is to have: its own word, else its rule's default, else the operator's. A word that does not
 * parse is refused, never replaced by a default.
 */
export function nominationOf(workload: Workload, settings: GrantSettings): Nomination {
  const { roleRules } = settings;
  const rule = roleRules.ruleFor(workload);
  if (!rule && !roleRules.isEmpty) throw new Refusal({ kind: "no-rule", workload: workload.name });
  const claim = workload.roleClaim ?? defaultClaim(settings, rule);
  if (!claim) throw new Refusal({ kind: "no-role", ...whoAndRule(workload, rule) });
  const { text, place } = claim;
  const role = parseRoleReference(text);
  if (role.kind !== "bad-role-reference") return { role, place, isDefault: !workload.roleClaim, rule };
  const reason = `${JSON.stringify(text.slice(0, MOST_SHOWN))}: ${role.reason}`;
  throw new Refusal({ kind: "bad-role", ...whoAndRule(workload, rule), place, reason });
}

/** Of what is no role: longer than any ARN of one that is written by mistake. */
const MOST_SHOWN = 200;

const whoAndRule = ({ name }: Workload, named: NumberedRule | undefined): { workload: string; rule?: number } => ({
  workload: name,
  ...(named && { rule: named.number }),
});

function defaultClaim({ defaultRole }: GrantSettings, named: NumberedRule | undefined): WorkloadClaim | undefined {
  if (named?.rule.defaultRole !== undefined)
    return { text: named.rule.defaultRole, place: `defaultRole of rule ${named.number}` };
  return defaultRole === undefined ? undefined : { text: defaultRole, place: "setting defaultRole" };
}

/** True when the role can only be completed with the host's own partition and, perhaps, account. */
export const needsHome = ({ role }: Nomination): boolean => role.kind === "name";

/**
 * `home` may be undefined only for a nomination that {@link needsHome} says can do without.
 *
 * @throws Refusal `bad-role`, `role-refused`, `bad-session`: never a fall-back to another role
 */
export function grantFor(workload: Workload, nomination: Nomination, context: GrantContext): Grant {
  const { role, place, rule: named, isDefault } = nomination;
  const { settings } = context;
  const roleArn = arnOf(workload, nomination, context);
  if (named) demandAllowed(workload, named, roleArn);
  const subject = { workload, settings, rule: named?.rule, hasDefaultRole: isDefault };
  const request = tellingRule(named, () => sessionRequestOf(subject));
  return {
    roleArn,
    roleName: role.name,
    ...request,
    sessionKey: sessionKeyOf(roleArn, request),
    decidedBy: { place, ...(named && { rule: named.number }) },
  };
}

/** A session's refusal tells by which rule it was asked for: the ceiling, or the tags, may be the rule's. */
function tellingRule<T>(named: NumberedRule | undefined, decide: () => T): T {
  try {
    return decide();
  } catch (error) {
    if (!named || !(error instanceof Refusal) || error.failure.kind !== "bad-session") throw error;
    throw new Refusal({ ...error.failure, rule: named.number });
  }
}

export interface GrantContext {
  readonly settings: GrantSettings;
  readonly home: HomeAccount | undefined;
}

function demandAllowed({ name }: Workload, { number, rule }: NumberedRule, roleArn: string): void {
  const because = whyNot(rule, roleArn);
  if (because !== undefined)
    throw new Refusal({ kind: "role-refused", workload: name, roleArn, rule: number, because });
}

const sessionKeyOf = (roleArn: string, request: SessionRequest): string =>
  JSON.stringify([
    roleArn,
    request.sessionName,
    request.sessionSeconds,
    request.externalId ?? null,
    request.policy ?? null,
    request.policyArns ?? null,
    request.tags ? Object.entries(request.tags) : null,
    request.transitiveTagKeys ?? null,
    request.sourceIdentity ?? null,
  ]);

function arnOf(workload: Workload, { role, place, rule }: Nomination, { settings, home }: GrantContext): string {
  const arn = roleArnOf(role, { home, accounts: settings.accounts });
  if (arn !== undefined) return arn;
  const account = role.kind === "name" ? role.account : role.accountId;
  const reason = `"${account}" is neither a twelve-digit account nor a name in the setting accounts`;
  throw new Refusal({ kind: "bad-role", ...whoAndRule(workload, rule), place, reason });
}
