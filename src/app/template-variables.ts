import { parseTemplate, variablesIn } from "../core/session-template.ts";
import type { Config } from "./options.ts";

/** The settings in which templates stand. */
export type Templated = Pick<Config, "sessionName" | "sessionTags" | "roleRules">;

/** The variables of containers that the operator's templates name. */
export function templateVariables({ sessionName, sessionTags, roleRules }: Partial<Templated>): ReadonlySet<string> {
  const texts = [
    sessionName ?? "",
    ...Object.values(sessionTags ?? {}),
    ...(roleRules ?? []).flatMap((rule) => Object.values(rule.sessionTags)),
  ];
  return new Set(texts.flatMap(variablesOf));
}

function variablesOf(text: string): readonly string[] {
  const template = parseTemplate(text);
  return "kind" in template ? [] : variablesIn(template);
}
