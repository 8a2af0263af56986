import { coversPattern, fitsPattern } from "../core/iam-pattern.ts";
import type { GrantableRoles, SessionExtras } from "../core/iam-policy.ts";
import { type HomeAccount, roleArnOf } from "../core/role-arn.ts";
import { haveCommonRole, isEveryRole } from "../core/role-pattern.ts";
import { parseRoleReference } from "../core/role-reference.ts";
import { whyNot } from "../core/role-rule.ts";
import type { Config } from "./options.ts";
import type { RoleMapEntry } from "./role-map-schema.ts";
import type { WrittenRule } from "./role-rules-schema.ts";

/** What a configuration can grant. */
export interface Grantable {
  /** Each pattern once: those of the rules, then the roles that are named. */
  readonly roles: readonly GrantableRoles[];
  /** Patterns of what the rules deny and no other rule allows. */
  readonly denied: readonly string[];
  /** Where the policies allow more than was probably meant, a sentence each. */
  readonly warnings: readonly string[];
}

export interface GrantableOf {
  readonly config: Pick<Config, "accounts" | "defaultRole" | "roleRules" | "sessionTags">;
  /** Of the roleMapFile. */
  readonly entries: readonly RoleMapEntry[];
  /** The host's partition, and the account of roles that are written without one. */
  readonly home: HomeAccount;
  /** What containers say by their own labels: no configuration tells. */
  readonly labels: Pick<SessionExtras, "isTagged" | "hasSourceIdentity">;
}

export function grantableRoles(of: GrantableOf): Grantable {
  const { roleRules } = of.config;
  const named = namedRoles(of);
  if (roleRules.length === 0)
    return {
      roles: merged([{ pattern: everyRoleOf(of.home), ...extrasOf(of) }, ...named]),
      denied: [],
      warnings: [NO_RULES],
    };
  const read = roleRules.flatMap((rule, index) =>
    rule.allow
      .filter((pattern) => !isCovered(rule.deny, pattern))
      .map((pattern) => ({ pattern, resource: resourceFor(pattern, of.home), rule, number: index + 1 })),
  );
  const allowed = read.flatMap(({ resource, rule }) =>
    resource === undefined ? [] : [{ pattern: resource, ...extrasOf(of, rule) }],
  );
  return { roles: merged([...allowed, ...named]), denied: deniedToAll(of), warnings: read.flatMap(warningsOf) };
}

const NO_RULES =
  "there are no roleRules, so every container may ask for every role that lets this host in: the policy is for every role (limit it with roleRules: docs/roles.md)";

interface ReadPattern {
  readonly pattern: string;
  readonly resource: string | undefined;
  readonly number: number;
}

function warningsOf({ pattern, resource, number }: ReadPattern): readonly string[] {
  const which = `rule ${number} of roleRules allows ${pattern}`;
  if (resource === undefined) return [`${which}, which is no role of the host's partition: it is left out`];
  return isEveryRole(resource) && !isEveryRole(pattern)
    ? [`${which}, which no policy of IAM can say: every role stands for it (begin it with arn:)`]
    : [];
}

/** What sessions under a rule, or by an entry of the role map, carry. */
function extrasOf({ config, labels }: GrantableOf, written: Partial<Pick<WrittenRule, "sessionTags">> = {}) {
  const tags = { ...config.sessionTags, ...written.sessionTags };
  return {
    isTagged: labels.isTagged || Object.keys(tags).length > 0,
    hasSourceIdentity: labels.hasSourceIdentity,
    externalIds: [],
  } satisfies SessionExtras;
}

/** The roles that are written out, as far as a rule lets somebody have them. */
function namedRoles(of: GrantableOf): readonly GrantableRoles[] {
  const { defaultRole, roleRules } = of.config;
  const ofRules = roleRules.flatMap((rule) => {
    const pattern = arnOf(rule.defaultRole, of);
    return pattern === undefined || whyNot(rule, pattern) !== undefined ? [] : [{ pattern, ...extrasOf(of, rule) }];
  });
  const ofAll = [{ role: defaultRole, extras: extrasOf(of) }, ...of.entries.map((entry) => ofEntry(entry, of))];
  return [...ofRules, ...ofAll.flatMap(({ role, extras }) => underRules(arnOf(role, of), extras, of))];
}

const ofEntry = (entry: RoleMapEntry, of: GrantableOf) => {
  const { isTagged, hasSourceIdentity } = extrasOf(of, { sessionTags: entry.sessionTags ?? {} });
  const extras: SessionExtras = {
    isTagged,
    hasSourceIdentity: hasSourceIdentity || entry.sourceIdentity !== undefined,
    externalIds: entry.externalId === undefined ? [] : [entry.externalId],
  };
  return { role: entry.role ?? of.config.defaultRole, extras };
};

/** Whichever rule it is that decides: each that allows the role counts, and none at all where there are none. */
function underRules(pattern: string | undefined, extras: SessionExtras, of: GrantableOf): readonly GrantableRoles[] {
  const { roleRules } = of.config;
  if (pattern === undefined) return [];
  if (roleRules.length === 0) return [{ pattern, ...extras }];
  return roleRules
    .filter((rule) => whyNot(rule, pattern) === undefined)
    .map((rule) => ({ pattern, ...extras, isTagged: extras.isTagged || extrasOf(of, rule).isTagged }));
}

function arnOf(text: string | undefined, { config: { accounts }, home }: GrantableOf): string | undefined {
  const role = text === undefined ? undefined : parseRoleReference(text);
  return role === undefined || role.kind === "bad-role-reference" ? undefined : roleArnOf(role, { home, accounts });
}

/** A role that is asked for without an external id, too, cannot demand one. */
function merged(all: readonly GrantableRoles[]): readonly GrantableRoles[] {
  return [...Map.groupBy(all, ({ pattern }) => pattern)].map(([pattern, same]) => ({
    pattern,
    isTagged: same.some(({ isTagged }) => isTagged),
    hasSourceIdentity: same.some(({ hasSourceIdentity }) => hasSourceIdentity),
    externalIds: same.every(({ externalIds }) => externalIds.length > 0)
      ? [...new Set(same.flatMap(({ externalIds }) => externalIds))]
      : [],
  }));
}

/** A host has one policy for all rules: it can deny what one rule denies only where no other allows any of it. */
function deniedToAll({ config: { roleRules }, home }: GrantableOf): readonly string[] {
  const patterns = [...new Set(roleRules.flatMap(({ deny }) => deny))];
  return patterns
    .filter((pattern) => roleRules.some(({ allow, deny }) => deny.includes(pattern) && meets(allow, pattern)))
    .filter((pattern) => roleRules.every(({ allow, deny }) => !meets(allow, pattern) || isCovered(deny, pattern)))
    .flatMap((pattern) => resourceOf(pattern, home) ?? []);
}

const meets = (patterns: readonly string[], pattern: string): boolean =>
  patterns.some((one) => haveCommonRole(one, pattern));

const isCovered = (patterns: readonly string[], pattern: string): boolean =>
  patterns.some((one) => coversPattern(one, pattern));

/** The Resource that stands for a rule's pattern: every role where nothing narrower can be said, undefined where no role of this partition fits it. */
function resourceFor(pattern: string, home: HomeAccount): string | undefined {
  const isOfRoles = haveCommonRole(pattern, `arn:${home.partition}:iam::????????????:role/?*`);
  return resourceOf(pattern, home) ?? (isOfRoles ? everyRoleOf(home) : undefined);
}

/**
 * A rule's pattern as a policy's Resource, which has all six parts of an ARN and the partition written out. Undefined where it
 * cannot be said so.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
 */
function resourceOf(pattern: string, { partition }: HomeAccount): string | undefined {
  const { head = "", account, role } = ARN.exec(pattern)?.groups ?? {};
  return fitsPattern(head, `arn:${partition}:iam:`) ? `arn:${partition}:iam::${account}:${role}` : undefined;
}

const ARN = /^(?<head>[^:]*(?::[^:]*){3}):(?<account>[^:]+):(?<role>role\/.+)$/;

const everyRoleOf = ({ partition }: HomeAccount): string => `arn:${partition}:iam::*:role/*`;
