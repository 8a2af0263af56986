import type { Note } from "../compat/translation.ts";
import type { Setting } from "../kit/setting.ts";
import { suggestion } from "../kit/suggestion.ts";
import { parseConfigFile, readConfigFile } from "./config-file.ts";
import { crossChecks, type WrittenValue } from "./cross-checks.ts";
import { type Issue, partMeant } from "./issue-place.ts";
import {
  type Config,
  environmentOf,
  flagOf,
  OPTION_NAMES,
  OPTIONS,
  type OptionKind,
  type OptionName,
} from "./options.ts";
import { ofOtherTool } from "./other-tool.ts";
import { shownValue } from "./shown-value.ts";

/** What can be wrong with a configuration, all of it at once. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** One sentence each: the place, the thing, what is wanted. */
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(mistakes.join("\n"));
    this.mistakes = mistakes;
  }
}

export interface ConfigSources {
  /** A file that must exist; undefined: {@link DEFAULT_CONFIG_FILE}, which need not. */
  readonly file: string | undefined;
  /** What is in it, where it was read already: from a pipe it is there once. */
  readonly text?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** By option name; text, or true for a switch. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** What of the command line is not taskrole's, in its order: for the tool that `compat` names. */
  readonly toolArguments?: readonly string[];
  /** Of a running daemon: its `compat` is whose variables and flags count until the restart, whatever is written by now. */
  readonly startedWith?: { readonly compat?: string | undefined };
}

export interface LoadedConfig {
  readonly config: Config;
  /** Of each setting that anybody wrote the strongest, as it was written. */
  readonly settings: readonly Setting[];
  /** What of another tool's is not as it was there. */
  readonly notes: readonly Note[];
}

export const DEFAULT_CONFIG_FILE = "/etc/taskrole/config.yaml";
/** Names the file, so it is no setting itself. */
const CONFIG_FILE_VARIABLE = "TASKROLE_CONFIG";

/**
 * File < environment < flags, checked as a whole: what is wrong anywhere is
 * said in one go, also what a stronger source would have hidden. Under `compat`, the other tool's
 * variables come before taskrole's own, and its flags before taskrole's flags.
 *
 * @throws ConfigError
 */
export const loadConfig = (sources: ConfigSources): Config => loadWithPlaces(sources).config;

/** The same, with where it came from. @throws ConfigError */
export function loadWithPlaces(sources: ConfigSources): LoadedConfig {
  const { settings, notes, mistakes: unread } = gathered(sources);
  const { values, mistakes } = checkedSettings(settings);
  const all = [...unread, ...mistakes, ...crossChecks(values)];
  if (all.length > 0) throw new ConfigError(all);
  const written = [...values].map(([name, { written: value, place }]) => ({ name, value, place }));
  return { config: Object.freeze(withDefaults(values)), settings: written, notes };
}

/** What of it can be read, with defaults for the rest: enough to find a daemon by, whatever else is wrong. */
export const readableConfig = (sources: ConfigSources): Config => configOf(gathered(sources).settings);

/** Of these alone, as far as they can be read. */
export const configOf = (settings: readonly Setting[]): Config =>
  Object.freeze(withDefaults(checkedSettings(settings).values));

/** From the weakest to the strongest. */
function gathered(sources: ConfigSources): Omit<LoadedConfig, "config"> & { readonly mistakes: readonly string[] } {
  const file = fromFile(sources);
  const environment = fromEnvironment(sources.environment);
  const flags = fromFlags(sources.flags);
  const tool = ofOtherTool([...file.settings, ...environment, ...flags], sources);
  return {
    settings: [
      ...[...tool.defaults, ...file.settings],
      ...[...tool.environment.settings, ...environment],
      ...[...tool.flags.settings, ...flags],
    ],
    notes: [...tool.environment.notes, ...tool.flags.notes],
    mistakes: [...file.mistakes, ...tool.environment.mistakes, ...tool.flags.mistakes],
  };
}

function fromFile({ file, text, environment }: ConfigSources): {
  settings: readonly Setting[];
  mistakes: readonly string[];
} {
  const named = file ?? environment[CONFIG_FILE_VARIABLE];
  const path = named ?? DEFAULT_CONFIG_FILE;
  const read = text === undefined ? readConfigFile(path) : parseConfigFile(path, text);
  if (read) return read;
  const mistakes = named === undefined ? [] : [`${named}: there is no such configuration file`];
  return { settings: [], mistakes };
}

function fromEnvironment(environment: ConfigSources["environment"]): Setting[] {
  const names = new Map<string, OptionName>(OPTION_NAMES.map((name) => [environmentOf(name), name]));
  return Object.entries(environment)
    .filter(
      ([variable, value]) =>
        variable.startsWith("TASKROLE_") && variable !== CONFIG_FILE_VARIABLE && value !== undefined,
    )
    .map(([variable, value]) => {
      const name = names.get(variable) ?? variable;
      return { name, value: fromText(name, value), place: `environment variable ${variable}` };
    });
}

const fromFlags = (flags: ConfigSources["flags"]): Setting[] =>
  Object.entries(flags)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ({ name, value: fromText(name, value), place: `flag --${flagOf(name)}` }));

/** What does not read as its kind stays text, and the option's own check then says what it wants. */
function fromText(name: string, value: unknown): unknown {
  return typeof value === "string" && isOption(name) ? READERS[OPTIONS[name].kind](value) : value;
}

const READERS: Readonly<Record<OptionKind, (text: string) => unknown>> = {
  text: (text) => text,
  number: (text) => (/^-?\d+$/.test(text) ? Number(text) : text),
  switch: (text) => ({ true: true, false: false })[text] ?? text,
  json: jsonOr,
};

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const isOption = (name: string): name is OptionName => Object.hasOwn(OPTIONS, name);

type Values = Map<string, WrittenValue & { readonly written: unknown }>;

function checkedSettings(settings: readonly Setting[]): { values: Values; mistakes: string[] } {
  const values: Values = new Map();
  const mistakes: string[] = [];
  for (const setting of settings) {
    const { name, value, place, placeOf } = setting;
    if (!isOption(name)) {
      mistakes.push(`${place}: there is no setting "${name}"${suggestion(name, namesLike(name))}`);
      continue;
    }
    const parsed = OPTIONS[name].schema.safeParse(value);
    if (parsed.success) values.set(name, { value: parsed.data, written: value, place, placeOf });
    else for (const issue of parsed.error.issues) mistakes.push(mistake(setting, issue));
  }
  return { values, mistakes };
}

function mistake({ name, value, place, placeOf }: Setting, issue: Issue): string {
  const at = placeOf?.(partMeant(issue)) ?? place;
  return `${at}: ${placeIn(name, issue.path)} ${issue.message}; it is ${shownValue(value, issue.path)}`;
}

/** Rules are counted from 1, as in the log. */
function placeIn(name: string, path: readonly PropertyKey[]): string {
  const [index, ...rest] = path;
  if (name !== "roleRules" || typeof index !== "number") return [name, ...path].join(".");
  return [`rule ${index + 1} of roleRules`, ...(rest.length > 0 ? [rest.join(".")] : [])].join(": ");
}

const namesLike = (name: string): readonly string[] =>
  name.startsWith("TASKROLE_") ? OPTION_NAMES.map(environmentOf) : OPTION_NAMES;

const withDefaults = (values: Values): Config =>
  Object.fromEntries(
    OPTION_NAMES.map((name) => [
      name,
      values.has(name) ? values.get(name)?.value : OPTIONS[name].schema.parse(undefined),
    ]),
  ) as Config;
