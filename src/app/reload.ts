import { isDeepStrictEqual } from "node:util";
import type { Log } from "../audit/log.ts";
import { ConfigError } from "./config.ts";
import { type Config, OPTION_NAMES, OPTIONS, type OptionName } from "./options.ts";
import { templateVariables } from "./template-variables.ts";

export type ReloadOutcome =
  | {
      readonly kind: "reloaded";
      /** Settings that are other than they were, and in force. */
      readonly applied: readonly OptionName[];
      /** Settings that are other than those the daemon runs with, and wait. */
      readonly needsRestart: readonly OptionName[];
      /** Why, a sentence each, where the setting's own kind does not say it; undefined where there is nothing to say. */
      readonly because?: readonly string[];
    }
  /** Nothing was changed. Each is a sentence with its place. */
  | { readonly kind: "refused"; readonly problems: readonly string[] };

export interface ReloadParts {
  /** Reads everything anew. @throws ConfigError */
  readonly load: () => Config;
  /** That the daemon was started with. */
  readonly config: Config;
  readonly apply: (config: Config) => void;
  readonly log: Log;
}

/** Changes what can be changed of a running daemon; the rest is named, and waits. All or nothing where the configuration is wrong. */
export class Reloader {
  readonly #parts: ReloadParts;
  /** In force now. */
  #config: Config;

  constructor(parts: ReloadParts) {
    this.#parts = parts;
    this.#config = parts.config;
  }

  reload(): ReloadOutcome {
    const { load, apply, log } = this.#parts;
    try {
      const read = templateVariables(this.#parts.config);
      const { config, ...changes } = reloadPlan(this.#config, load(), read);
      apply(config);
      this.#config = config;
      log.info(changes, changes.needsRestart.length > 0 ? RELOADED_IN_PART : "reloaded");
      return { kind: "reloaded", ...changes };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      log.error({ problems: error.mistakes }, "not reloaded: the configuration is wrong, and the one in force stays");
      return { kind: "refused", problems: error.mistakes };
    }
  }
}

const RELOADED_IN_PART = "reloaded; what needs a restart stays as it was until then";

interface ReloadPlan {
  readonly applied: readonly OptionName[];
  readonly needsRestart: readonly OptionName[];
  readonly because?: readonly string[];
  /** What is to be in force: as wanted, but for what needs a restart. */
  readonly config: Config;
}

/** @param read the variables that are read of containers since the start */
export function reloadPlan(running: Config, wanted: Config, read = templateVariables(running)): ReloadPlan {
  const changed = OPTION_NAMES.filter((name) => !isDeepStrictEqual(running[name], wanted[name]));
  const unread = new Map(changed.map((name) => [name, unreadVariables(name, wanted, read)]));
  const needsRestart = changed.filter((name) => waits(name, running, wanted) || unread.get(name)?.length);
  const because = [...unread].filter(([, names]) => names.length > 0).map(([name, names]) => newVariables(name, names));
  const kept = Object.fromEntries(needsRestart.map((name) => [name, running[name]]));
  return {
    applied: changed.filter((name) => !needsRestart.includes(name)),
    needsRestart,
    ...(because.length > 0 && { because }),
    config: Object.freeze({ ...wanted, ...kept }),
  };
}

/** The packet rules for the endpoint's addresses are made at the start; whether it wants a token is asked at each request. */
const waits = (name: OptionName, running: Config, wanted: Config): boolean =>
  name === "containerCredentials"
    ? [running.containerCredentials, wanted.containerCredentials].includes("off")
    : OPTIONS[name].needsRestart;

/** Of a container that is known no other variable can be had any more, and its session must not change with who was known when. */
function unreadVariables(name: OptionName, wanted: Config, read: ReadonlySet<string>): readonly string[] {
  const templated = name === "sessionName" || name === "sessionTags" || name === "roleRules";
  return templated ? [...templateVariables({ [name]: wanted[name] })].filter((variable) => !read.has(variable)) : [];
}

const newVariables = (name: OptionName, variables: readonly string[]): string =>
  `${name} names ${variables.map((one) => `{env:${one}}`).join(", ")}: which variables are read of containers is settled at the start`;
