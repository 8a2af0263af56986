import type { Command, Option } from "commander";
import { z } from "zod";
import { flagOf, OPTION_NAMES, OPTIONS } from "../app/options.ts";

/** What --help says of a command, as values: completion and the manual page are made of it. */
export interface CommandTree {
  /** As it is typed: ["taskrole", "interception", "up"]. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly options: readonly OptionLeaf[];
  readonly words: readonly WordLeaf[];
  readonly commands: readonly CommandTree[];
  /** What its --help ends in; "" where that is the options. */
  readonly remarks: string;
}

export interface OptionLeaf {
  /** One or two: ["-h", "--help"]. */
  readonly flags: readonly string[];
  readonly help: string;
  /** What stands behind it, as --help calls it ("FILE"); undefined: nothing does. */
  readonly argument: string | undefined;
  readonly takes: Takes;
}

/** What stands in a command's own place, neither an option nor a command. */
export interface WordLeaf {
  readonly name: string;
  readonly choices: readonly string[];
}

/** What can be completed behind an option; a list has all that may stand there. "text" is only known to who writes it. */
export type Takes = "nothing" | "file" | "directory" | "text" | readonly string[];

/** @param command with its subcommands whole; hidden ones are left out */
export function treeOf(command: Command, above: readonly string[] = []): CommandTree {
  const path = [...above, command.name()];
  const help = command.createHelp();
  return {
    path,
    summary: command.description(),
    options: help.visibleOptions(command).map(leafOf),
    words: command.registeredArguments.map((word) => ({ name: word.name(), choices: word.argChoices ?? [] })),
    // The command "help" is among the visible ones, but not among its own: --help says the same.
    commands: help
      .visibleCommands(command)
      .filter((child) => command.commands.includes(child))
      .map((child) => treeOf(child, path)),
    remarks: remarksOf(command),
  };
}

/** The tree and all below it, in the order of --help. */
export const everyCommand = (tree: CommandTree): readonly CommandTree[] => [
  tree,
  ...tree.commands.flatMap(everyCommand),
];

function leafOf({ short, long, flags, description, argChoices }: Option): OptionLeaf {
  const argument = /[<[](.+)[>\]]/.exec(flags)?.[1];
  return {
    flags: [short, long].filter((flag) => flag !== undefined),
    help: description,
    argument,
    takes: argument === undefined ? "nothing" : (argChoices ?? choicesOfSetting(long) ?? kindOf(argument)),
  };
}

function kindOf(argument: string): Takes {
  if (/\b(?:file|path)\b/i.test(argument)) return "file";
  return /\bdir\b/i.test(argument) ? "directory" : "text";
}

/** The words that the schema has for a setting, where it has a list of them. */
function choicesOfSetting(flag: string | undefined): readonly string[] | undefined {
  const name = OPTION_NAMES.find((setting) => `--${flagOf(setting)}` === flag);
  const schema: z.ZodType | undefined = name && OPTIONS[name].schema;
  const inner = schema instanceof z.ZodDefault || schema instanceof z.ZodOptional ? schema.unwrap() : schema;
  return inner instanceof z.ZodEnum ? inner.options.map(String) : undefined;
}

/** As --help prints it: in one piece what it makes of the options, then what was added. */
function remarksOf(command: Command): string {
  const printed: string[] = [];
  command.configureOutput({ writeOut: (part) => void printed.push(part) }).outputHelp();
  return printed.slice(1).join("").trim();
}
