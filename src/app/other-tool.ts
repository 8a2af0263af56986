import type { Profile } from "../compat/profile.ts";
import { PROFILES } from "../compat/profiles.ts";
import { NOTHING_FOUND, type Translation } from "../compat/translation.ts";
import type { Setting } from "../kit/setting.ts";
import { flagOf, OPTION_NAMES } from "./options.ts";

interface OfOtherTool {
  /** Weaker than anything written. */
  readonly defaults: readonly Setting[];
  readonly environment: Translation;
  readonly flags: Translation;
}

interface ToolSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly toolArguments?: readonly string[];
  readonly startedWith?: { readonly compat?: string | undefined };
}

/** What the tool that `compat` names was told. @param own what taskrole itself was told, the strongest last */
export function ofOtherTool(own: readonly Setting[], sources: ToolSources): OfOtherTool {
  const { environment, toolArguments = [], startedWith } = sources;
  const tool = startedWith ? startedWith.compat : own.findLast(({ name }) => name === "compat")?.value;
  const profile = profileOf(tool);
  if (!profile) return { defaults: [], environment: NOTHING_FOUND, flags: NOTHING_FOUND };
  return {
    defaults: profile.defaults,
    environment: profile.fromEnvironment(environment),
    flags: profile.fromArguments(toolArguments, OPTION_NAMES.map(flagOf)),
  };
}

/** Undefined without another tool, and for a name that is none's, which is a mistake by itself. */
export const profileOf = (tool: unknown): Profile | undefined =>
  typeof tool === "string" && Object.hasOwn(PROFILES, tool) ? PROFILES[tool as keyof typeof PROFILES] : undefined;
