import { fitsAny } from "../core/iam-pattern.ts";
import { parseRoleReference } from "../core/role-reference.ts";
import type { AssumeRoleRequest } from "./assume-role-request.ts";
import { askPermission, type PermissionVerdict } from "./permission-policy.ts";
import type { Session } from "./session-keys.ts";
import type { Caller } from "./sts-caller.ts";
import { accessDenied, type DenyingPolicy, type StsError, validationError } from "./sts-error.ts";
import { askTrust, type StsAction } from "./trust-policy.ts";
import type { Role, World } from "./world.ts";

/** What a session takes over from the one that assumed it. */
export type Inheritance = Pick<Session, "sourceIdentity" | "transitiveTags">;

/** A role that a role's session assumes lasts an hour at most, whatever the role itself allows. */
const CHAINED_MAX_SECONDS = 3600;

/**
 * Whether this caller may have this session; the answer is what it inherits.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_terms-and-concepts.html (role chaining)
 */
export function decideAssumeRole(world: World, caller: Caller, request: AssumeRoleRequest): Inheritance | StsError {
  const target = parseRoleReference(request.roleArn);
  if (target.kind !== "arn") return validationError(`${request.roleArn} is invalid`);
  const inherited = inheritanceOf(caller, request);
  return (
    chainingError(caller, request) ??
    tagKeyError(caller, request) ??
    policyArnError(target, request) ??
    denial({ world, caller, request, inherited }) ??
    maxSessionError(world, request) ??
    inherited
  );
}

function inheritanceOf(
  { session }: Caller,
  { sourceIdentity, tags, transitiveTagKeys }: AssumeRoleRequest,
): Inheritance {
  const handedOn = Object.entries(tags).filter(([key]) => transitiveTagKeys.includes(key));
  return {
    sourceIdentity: session?.sourceIdentity ?? sourceIdentity,
    transitiveTags: { ...Object.fromEntries(handedOn), ...session?.transitiveTags },
  };
}

function chainingError({ session }: Caller, { durationSeconds }: AssumeRoleRequest): StsError | undefined {
  if (session === undefined || durationSeconds <= CHAINED_MAX_SECONDS) return undefined;
  return validationError(
    "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
  );
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_role-chaining */
function tagKeyError({ session }: Caller, { tags, transitiveTagKeys }: AssumeRoleRequest): StsError | undefined {
  const inherited = new Set(Object.keys(session?.transitiveTags ?? {}).map((key) => key.toLowerCase()));
  if (Object.keys(tags).some((key) => inherited.has(key.toLowerCase()))) {
    return validationError(
      "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
    );
  }
  const known = transitiveTagKeys.every((key) => Object.hasOwn(tags, key) || inherited.has(key.toLowerCase()));
  return known
    ? undefined
    : validationError("The specified transitive tag key must be included in the requested tags.");
}

/** Session policies are AWS's own, or of the role's account. */
function policyArnError(
  { partition, accountId }: { partition: string; accountId: string },
  { policyArns }: AssumeRoleRequest,
): StsError | undefined {
  const usable = [`arn:${partition}:iam::${accountId}:policy/?*`, `arn:${partition}:iam::aws:policy/?*`];
  const foreign = policyArns.find((arn) => !fitsAny(usable, arn));
  return foreign === undefined ? undefined : validationError(`ARN ${foreign} is not valid.`);
}

interface Wish {
  readonly world: World;
  readonly caller: Caller;
  readonly request: AssumeRoleRequest;
  readonly inherited: Inheritance;
}

/** Tags and a source identity need permissions of their own, inherited ones too. */
function denial(wish: Wish): StsError | undefined {
  const { caller, request, inherited } = wish;
  const changed = request.sourceIdentity !== undefined && request.sourceIdentity !== inherited.sourceIdentity;
  const tagged = Object.keys(request.tags).length + Object.keys(inherited.transitiveTags).length > 0;
  const actions: StsAction[] = [
    "sts:AssumeRole",
    ...(tagged ? (["sts:TagSession"] as const) : []),
    ...(inherited.sourceIdentity !== undefined ? (["sts:SetSourceIdentity"] as const) : []),
  ];
  const deny = (action: StsAction, why: Withheld) =>
    accessDenied(caller.arn, action, { resource: request.roleArn, ...why });
  if (changed)
    return deny("sts:SetSourceIdentity", {
      reason: "the calling session has another source identity, which cannot be changed",
    });
  for (const action of actions) {
    const why = refusalOf(action, wish);
    if (why !== undefined) return deny(action, why);
  }
  return undefined;
}

/** Why an action is refused: for whoever runs the mock, and what AWS tells the caller of it. */
interface Withheld {
  readonly reason: string;
  readonly policy?: DenyingPolicy | undefined;
}

/** Undefined when the action is allowed. */
function refusalOf(action: StsAction, wish: Wish): Withheld | undefined {
  const { world, caller, request } = wish;
  const permission = permissionFor(action, wish);
  if (permission === "denied")
    return { reason: `a Deny statement of hostPermissionPolicy covers ${action}`, policy: "permission-deny" };
  const permitted = permission === "allowed";
  if (world.roles === undefined) return openRefusal(wish, permitted);
  const role = roleOf(world, request);
  if (role === undefined) return { reason: "the file has no such role", policy: permitted ? undefined : "permission" };
  const verdict = askTrust(role.trust, { caller, action, context: contextOf(wish) });
  const sameAccount = role.arn.split(":").slice(0, 5).join(":") === accountPrefix(caller);
  if (verdict === "denied" || verdict === "not-allowed")
    return trustRefusal(action, { verdict, permitted, sameAccount });
  if (permitted || (sameAccount && verdict === "to-caller")) return undefined;
  return { reason: nothingFor(wish), policy: "permission" };
}

interface Untrusted {
  readonly verdict: "denied" | "not-allowed";
  readonly permitted: boolean;
  readonly sameAccount: boolean;
}

function trustRefusal(action: StsAction, { verdict, permitted, sameAccount }: Untrusted): Withheld {
  if (verdict === "denied") {
    const reason = `a Deny statement of the role's trust policy covers ${action}`;
    return { reason, policy: sameAccount ? "trust-deny" : undefined };
  }
  const reason = `no statement of the role's trust policy allows ${action} to this caller`;
  if (!permitted) return { reason, policy: "permission" };
  return { reason, policy: sameAccount ? "trust" : undefined };
}

/** Without a list of roles, only those who hold the host's own keys or a user's may assume any. */
function openRefusal(wish: Wish, permitted: boolean): Withheld | undefined {
  const { session } = wish.caller;
  if (session !== undefined && session.kind !== "host") {
    return { reason: "without a file only the host's role may assume roles", policy: "permission" };
  }
  return permitted ? undefined : { reason: nothingFor(wish), policy: "permission" };
}

const roleOf = ({ roles }: World, { roleArn }: AssumeRoleRequest): Role | undefined =>
  roles?.find(({ arn }) => arn === roleArn);

const accountPrefix = ({ partition, accountId }: Caller): string => `arn:${partition}:iam::${accountId}`;

/** By the caller's own permission policy, in whichever form it is given. */
function permissionFor(action: StsAction, { world, caller, request: { roleArn } }: Wish): PermissionVerdict {
  const { hostPermissionPolicy } = world;
  if (hostPermissionPolicy && isHost(caller)) return askPermission(hostPermissionPolicy, { action, roleArn });
  return fitsAny(permissionsOf(world, caller), roleArn) ? "allowed" : "not-allowed";
}

const isHost = ({ session }: Caller): boolean => session?.kind === "host";

/** The ARN patterns that stand for the caller's permission policy. */
function permissionsOf(world: World, { session, arn }: Caller): readonly string[] {
  if (session?.kind === "host") return world.hostMayAssume;
  const owners = session === undefined ? world.users : (world.roles ?? []);
  return owners.find((owner) => owner.arn === (session?.roleArn ?? arn))?.mayAssume ?? [];
}

/** Why nothing is allowed. */
function nothingFor({ world, caller }: Wish): string {
  if (!isHost(caller)) return `mayAssume of ${caller.principalArn} has no pattern for this role`;
  return world.hostPermissionPolicy
    ? "no statement of hostPermissionPolicy allows it for this role"
    : "hostMayAssume has no pattern for this role";
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html */
function contextOf({ caller, request, inherited }: Wish): ReadonlyMap<string, string> {
  const values: readonly (readonly [key: string, value: string | undefined])[] = [
    ["sts:externalid", request.externalId],
    ["sts:rolesessionname", request.sessionName],
    ["sts:sourceidentity", request.sourceIdentity ?? inherited.sourceIdentity],
    ["aws:sourceidentity", caller.session?.sourceIdentity],
    ["aws:principalarn", caller.principalArn],
    ["aws:principalaccount", caller.accountId],
    ...Object.entries(request.tags).map(([key, value]) => [`aws:requesttag/${key.toLowerCase()}`, value] as const),
  ];
  return new Map(values.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])));
}

function maxSessionError(world: World, request: AssumeRoleRequest): StsError | undefined {
  const maximum = roleOf(world, request)?.maxSessionSeconds ?? DEFAULT_MAX_SESSION_SECONDS;
  if (request.durationSeconds <= maximum) return undefined;
  return validationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
}

/** What a role has when nobody set it otherwise. */
export const DEFAULT_MAX_SESSION_SECONDS = 3600;
