import type { GrantSettings } from "../core/grant.ts";
import type { RoleRule, RuleMatch } from "../core/role-rule.ts";
import { RuleBook } from "../core/rule-book.ts";
import type { SessionPolicy } from "../core/session-policy.ts";
import { parseTemplate, type SessionTemplate } from "../core/session-template.ts";
import type { Config } from "./options.ts";
import type { WrittenRule } from "./role-rules-schema.ts";
import { policyOf } from "./session-schema.ts";

type Written = Pick<
  Config,
  | "accounts"
  | "defaultPolicy"
  | "defaultRole"
  | "roleRules"
  | "sessionName"
  | "sessionSeconds"
  | "sessionTags"
  | "transitiveTags"
>;

/** What the settings say of who may be what. @param host this host's name */
export function grantSettings(config: Written, host: string): GrantSettings {
  const { accounts, defaultRole, defaultPolicy, sessionSeconds, transitiveTags } = config;
  return {
    ...{ accounts, sessionSeconds, transitiveTags, host },
    ...(defaultRole !== undefined && { defaultRole }),
    ...(defaultPolicy !== undefined && { defaultPolicy: checkedPolicy(defaultPolicy) }),
    sessionName: checkedTemplate(config.sessionName),
    sessionTags: templates(config.sessionTags),
    roleRules: new RuleBook(config.roleRules.map(roleRule)),
  };
}

function roleRule({ match, allow, deny, policyArns, transitiveTags, ...rule }: WrittenRule): RoleRule {
  return {
    ...{ match: matchOf(match), allow, deny, policyArns, transitiveTags },
    sessionTags: templates(rule.sessionTags),
    ...(rule.defaultRole !== undefined && { defaultRole: rule.defaultRole }),
    ...(rule.sessionSeconds !== undefined && { sessionSeconds: rule.sessionSeconds }),
    ...(rule.policy !== undefined && { policy: checkedPolicy(rule.policy) }),
  };
}

/** Without what is not said. */
function matchOf({ label, ...rest }: WrittenRule["match"]): RuleMatch {
  const said = Object.fromEntries(Object.entries(rest).filter(([, pattern]) => pattern !== undefined));
  const labels = Object.entries(label ?? {}).map(([name, pattern]) => ({ label: name, pattern }));
  return { ...said, ...(labels.length > 0 && { labels }) };
}

const templates = (texts: Readonly<Record<string, string>>): Readonly<Record<string, SessionTemplate>> =>
  Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, checkedTemplate(text)]));

function checkedTemplate(text: string): SessionTemplate {
  const template = parseTemplate(text);
  if ("kind" in template) throw new Error(`a template that was not checked: ${template.reason}`);
  return template;
}

function checkedPolicy(written: string | Readonly<Record<string, unknown>>): SessionPolicy {
  const policy = policyOf(written);
  if ("kind" in policy) throw new Error(`a policy that was not checked: ${policy.reason}`);
  return policy;
}
