import { readFileSync } from "node:fs";
import type { ConfigSources } from "../app/config.ts";
import { settingsOf } from "../install/plan.ts";
import type { Wishes } from "../install/survey.ts";
import { attempt } from "../kit/attempt.ts";
import { configOrExit } from "./config-or-exit.ts";

export interface InstallRequest {
  readonly defaultRole: string | undefined;
  /** Whose settings are copied. */
  readonly file: string | undefined;
  readonly isDry: boolean;
}

/** The settings that the service will have: nothing of this shell's environment. Exits with 2 for settings that are wrong. */
export function wishesOf({ defaultRole, file }: InstallRequest): Wishes {
  const nothingElse = { environment: {}, flags: {} };
  if (defaultRole !== undefined) {
    const sources: ConfigSources = { ...nothingElse, file: "/dev/null", flags: { defaultRole } };
    return { config: configOrExit(sources), settings: settingsOf(defaultRole) };
  }
  const settings = file === undefined ? undefined : attempt(() => readFileSync(file, "utf8")); // once: it may be a pipe
  return { config: configOrExit({ ...nothingElse, file, text: settings }), settings };
}
