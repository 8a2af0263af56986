import { parseArgs } from "node:util";
import { suggestion } from "../kit/suggestion.ts";
import type { Reading } from "./reading.ts";
import { type Found, type Meaning, type Translation, translationOf } from "./translation.ts";

export interface Flag {
  /** A switch takes a value only behind "=". */
  readonly kind: "text" | "switch";
  readonly short?: string;
  readonly reading: Reading;
}

/** How another tool is started. */
export interface CommandLine {
  readonly tool: string;
  /** Go's own flag package knows one dash and takes two for the same. */
  readonly dash: "-" | "--";
  readonly flags: Readonly<Record<string, Flag>>;
  /** Of what is no flag. */
  readonly word: (word: string) => Meaning;
}

interface FlagToken {
  readonly kind: "option";
  readonly name: string;
  /** As it was written, with its dashes. */
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}
/** What parseArgs finds, which names no type for it. */
type Token =
  | FlagToken
  | { readonly kind: "positional"; readonly value: string }
  | { readonly kind: "option-terminator" };

/** @param ownFlags taskrole's, which may have been meant */
export function readCommandLine(
  args: readonly string[],
  commandLine: CommandLine,
  ownFlags: readonly string[],
): Translation {
  const tokens = tokensOf(args, commandLine);
  const found = tokens.map((token, index): Found | undefined => {
    if (token.kind === "option") return flagFound(token, commandLine, ownFlags);
    if (token.kind === "option-terminator" || isStrangersValue(tokens[index - 1], commandLine)) return undefined;
    const { value } = token;
    return { place: `argument "${value}" (${commandLine.tool})`, meaning: commandLine.word(value) };
  });
  return translationOf(found.filter((one) => one !== undefined));
}

function tokensOf(args: readonly string[], { dash, flags }: CommandLine): readonly Token[] {
  const options = Object.entries(flags).map(([name, { kind, short }]) => {
    const type = kind === "switch" ? ("boolean" as const) : ("string" as const);
    return [name, { type, ...(short !== undefined && { short }) }] as const;
  });
  const spelled = dash === "-" ? args.map((arg) => arg.replace(/^-(?=[a-z]{2})/, "--")) : [...args];
  const config = { strict: false, allowPositionals: true, tokens: true } as const; // what is wrong is said below, with its place
  return parseArgs({ ...config, args: spelled, options: Object.fromEntries(options) }).tokens;
}

function flagFound(
  { name, rawName, value }: FlagToken,
  { tool, dash, flags }: CommandLine,
  ownFlags: readonly string[],
): Found {
  const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
  const written = rawName.startsWith("--") ? `${dash}${name}` : rawName;
  const place = `flag ${written} (${tool})`;
  if (!flag) {
    const known = [...Object.keys(flags).map((one) => `${dash}${one}`), ...ownFlags.map((one) => `--${one}`)];
    return { place, meaning: { mistake: `is no flag of ${tool}'s nor of taskrole's${suggestion(written, known)}` } };
  }
  if (flag.kind === "text" && value === undefined) return { place, meaning: { mistake: "needs a value" } };
  return { place, meaning: flag.reading(value ?? "true") };
}

/** A flag that nobody knows may have a value, which says nothing by itself. */
const isStrangersValue = (before: Token | undefined, { flags }: CommandLine): boolean =>
  before?.kind === "option" && !before.inlineValue && !Object.hasOwn(flags, before.name);
