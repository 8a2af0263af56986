import { parseRoleReference } from "../core/role-reference.ts";
import { readConfigFile } from "./config-file.ts";
import {
  type Config,
  environmentOf,
  flagOf,
  OPTION_NAMES,
  OPTIONS,
  type OptionKind,
  type OptionName,
} from "./options.ts";
import { readRoleMapFile } from "./role-map-file.ts";
import type { Setting } from "./setting.ts";
import { suggestion } from "./suggestion.ts";

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
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** By option name; text, or true for a switch. */
  readonly flags: Readonly<Record<string, unknown>>;
}

export const DEFAULT_CONFIG_FILE = "/etc/taskrole/config.yaml";
/** Names the file, so it is no setting itself. */
const CONFIG_FILE_VARIABLE = "TASKROLE_CONFIG";

/**
 * File < environment < flags, checked as a whole: what is wrong anywhere is
 * said in one go, also what a stronger source would have hidden.
 *
 * @throws ConfigError
 */
export const loadConfig = (sources: ConfigSources): Config => readConfig(sources).config;

/** A setting as somebody wrote it, and where. */
export interface Origin {
  readonly written: unknown;
  readonly place: string;
}

export interface ReadConfig {
  readonly config: Config;
  /** Of the settings that are not their defaults' but somebody's. */
  readonly origins: ReadonlyMap<OptionName, Origin>;
}

/** The same, with where each value came from. @throws ConfigError */
export function readConfig(sources: ConfigSources): ReadConfig {
  const file = fromFile(sources);
  const settings = [...file.settings, ...fromEnvironment(sources.environment), ...fromFlags(sources.flags)];
  const { values, mistakes } = checkedSettings(settings);
  const all = [...file.mistakes, ...mistakes, ...crossChecks(values)];
  if (all.length > 0) throw new ConfigError(all);
  return { config: Object.freeze(withDefaults(values)), origins: values };
}

/** What of it can be read, with defaults for the rest: enough to find a daemon by, whatever else is wrong. */
export function readableConfig(sources: ConfigSources): Config {
  const settings = [
    ...fromFile(sources).settings,
    ...fromEnvironment(sources.environment),
    ...fromFlags(sources.flags),
  ];
  return Object.freeze(withDefaults(checkedSettings(settings).values));
}

function fromFile({ file, environment }: ConfigSources): { settings: readonly Setting[]; mistakes: readonly string[] } {
  const named = file ?? environment[CONFIG_FILE_VARIABLE];
  const read = readConfigFile(named ?? DEFAULT_CONFIG_FILE);
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

type Values = Map<OptionName, Origin & { readonly value: unknown }>;

function checkedSettings(settings: readonly Setting[]): { values: Values; mistakes: string[] } {
  const values: Values = new Map();
  const mistakes: string[] = [];
  for (const { name, value, place } of settings) {
    if (!isOption(name)) {
      mistakes.push(`${place}: there is no setting "${name}"${suggestion(name, namesLike(name))}`);
      continue;
    }
    const parsed = OPTIONS[name].schema.safeParse(value);
    if (parsed.success) values.set(name, { value: parsed.data, written: value, place });
    else for (const issue of parsed.error.issues) mistakes.push(mistake({ name, value, place }, issue));
  }
  return { values, mistakes };
}

function mistake({ name, value, place }: Setting, issue: { path: PropertyKey[]; message: string }): string {
  const inner = JSON.stringify(issue.path.reduce<unknown>((at, key) => Object(at)[key], value)) ?? "not there";
  const shown = inner.length > MOST_SHOWN ? `${inner.slice(0, MOST_SHOWN)}…` : inner;
  return `${place}: ${placeIn(name, issue.path)} ${issue.message}; it is ${shown}`;
}

/** Of what is wrong, to know it by. */
const MOST_SHOWN = 200;

/** Rules are counted from 1, as in the log. */
function placeIn(name: string, path: readonly PropertyKey[]): string {
  const [index, ...rest] = path;
  if (name !== "roleRules" || typeof index !== "number") return [name, ...path].join(".");
  return [`rule ${index + 1} of roleRules`, ...(rest.length > 0 ? [rest.join(".")] : [])].join(": ");
}

const namesLike = (name: string): readonly string[] =>
  name.startsWith("TASKROLE_") ? OPTION_NAMES.map(environmentOf) : OPTION_NAMES;

/** What only shows when settings are looked at together. */
function crossChecks(values: Values): string[] {
  return [...mistakeInDefaultRole(values), ...mistakesInRoleMap(values)];
}

/** The file is read again where it is used: it may change at any time. */
function mistakesInRoleMap(values: Values): readonly string[] {
  const path = values.get("roleMapFile")?.value;
  const read = typeof path === "string" ? readRoleMapFile(path) : undefined;
  return read?.kind === "mistakes" ? read.mistakes : [];
}

function mistakeInDefaultRole(values: Values): readonly string[] {
  const role = values.get("defaultRole");
  const parsed = parseRoleReference(String(role?.value ?? ""));
  if (!role || parsed.kind !== "name" || parsed.account === undefined || /^\d{12}$/.test(parsed.account)) return [];
  const accounts = Object(values.get("accounts")?.value) as Readonly<Record<string, string>>;
  if (Object.hasOwn(accounts, parsed.account)) return [];
  return [`${role.place}: defaultRole names the account "${parsed.account}", which the setting accounts does not have`];
}

const withDefaults = (values: Values): Config =>
  Object.fromEntries(
    OPTION_NAMES.map((name) => [
      name,
      values.has(name) ? values.get(name)?.value : OPTIONS[name].schema.parse(undefined),
    ]),
  ) as Config;
