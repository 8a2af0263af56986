import { DEFAULT_CONFIG_FILE } from "../app/config.ts";
import { OPTIONS } from "../app/options.ts";
import { type CommandTree, everyCommand, type OptionLeaf } from "./command-tree.ts";

/** For text in man(7), so that a line of the source stays below 80 bytes. https://man7.org/linux/man-pages/man7/groff_man.7.html */
const LINE_LENGTH = 72;

/** The page taskrole(8) in roff, from what --help says. Without a date: two builds of one commit have the same page. */
export function manualPage(tree: CommandTree, version: string): string {
  const lines = [
    `.TH TASKROLE 8 "" "taskrole ${version}" "System administration"`,
    ...[".SH NAME", ...text(`taskrole - ${lowered(tree.summary)}`)],
    ...[".SH SYNOPSIS", ".B taskrole", `.I COMMAND`, ...text("[OPTION ...]")],
    ...[".SH DESCRIPTION", ...text(DESCRIPTION)],
    ...[".SH OPTIONS", ...tree.options.flatMap(entry)],
    ...[".SH COMMANDS", ...everyCommand(tree).slice(1).flatMap(section)],
    ...[".SH FILES", ...FILES.flatMap(([file, what]) => item(`\\fI${escaped(file)}\\fR`, what))],
    ...[".SH EXIT STATUS", ...EXIT_STATUS.flatMap(([code, what]) => item(code, what))],
    ...[".SH SEE ALSO", ...text("nft(8), ip-rule(8), docker(1), systemd.socket(5)")],
  ];
  return `${lines.join("\n")}\n`;
}

const DESCRIPTION = `A container asks the instance metadata service for credentials, as any AWS SDK does. taskrole stands in its
place: it finds out which container asks, assumes that container's role, and answers as the service would. The host's own role is
reached by no container.`;

const FILES = [
  [DEFAULT_CONFIG_FILE, "the settings; need not exist"],
  [String(OPTIONS.runtimeDirectory.schema.parse(undefined)), "what must outlive a restart, and the admin socket"],
] as const;

const EXIT_STATUS = [
  ["0", "done"],
  ["1", "failed"],
  ["2", "the command line or the configuration is wrong"],
] as const;

function section({ path, summary, words, options, remarks }: CommandTree): readonly string[] {
  const synopsis = words.map(({ name, choices }) => (choices.length === 0 ? name.toUpperCase() : choices.join("|")));
  const heading = `.SS ${escaped([...path, ...synopsis].join(" "))}`;
  return [
    heading,
    ...text(summary),
    ...options.flatMap(entry),
    ...(remarks === "" ? [] : [".PP", ...verbatim(remarks)]),
  ];
}

const entry = ({ flags, argument, help }: OptionLeaf): readonly string[] => {
  const names = flags.map((flag) => `\\fB${escaped(flag)}\\fR`).join(", ");
  return item(argument === undefined ? names : `${names} \\fI${escaped(argument)}\\fR`, help);
};

const item = (term: string, what: string): readonly string[] => [".TP", term, ...text(what)];

/** Filled by the reader's program. */
const text = (words: string): readonly string[] =>
  words
    .split(/\s+/)
    .reduce<string[]>((lines, word) => {
      const last = lines.at(-1);
      if (last !== undefined && last.length + word.length < LINE_LENGTH) lines[lines.length - 1] = `${last} ${word}`;
      else lines.push(word);
      return lines;
    }, [])
    .map(escaped);

/** Line by line, as --help has it. */
const verbatim = (words: string): readonly string[] => [".nf", ...words.split("\n").map(escaped), ".fi"];

/** So that each character is itself, in the reader's terminal and when it is copied from there. https://man7.org/linux/man-pages/man7/groff_char.7.html */
const escaped = (words: string): string =>
  words
    .replaceAll("\\", "\\e")
    .replaceAll("…", "...")
    .replaceAll("-", "\\-")
    .replace(/^\./, "\\&.")
    .replaceAll("'", "\\(aq")
    .replaceAll("`", "\\(ga")
    .replace(/[^ -~]/gu, (letter) => `\\[u${letter.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}]`);

const lowered = (sentence: string): string => sentence.charAt(0).toLowerCase() + sentence.slice(1).replace(/\.$/, "");
