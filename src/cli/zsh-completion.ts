import { type CommandTree, everyCommand, type OptionLeaf, type Takes, type WordLeaf } from "./command-tree.ts";

/**
 * A function for each command, each over _arguments; both as a file _taskrole on the fpath and sourced.
 * https://zsh.sourceforge.io/Doc/Release/Completion-System.html#Completion-Functions
 */
export const zshCompletion = (tree: CommandTree): string => `#compdef taskrole
# zsh completion for taskrole
compdef _taskrole taskrole

${everyCommand(tree).map(functionOf).join("\n\n")}

if [ "$funcstack[1]" = _taskrole ]; then _taskrole "$@"; fi
`;

const functionOf = (command: CommandTree): string =>
  command.commands.length === 0
    ? `${nameOf(command)}() {
  _arguments : \\
    ${specs(command).join(" \\\n    ")}
}`
    : `${nameOf(command)}() {
  local curcontext=$curcontext state line
  local -a commands=(
    ${command.commands.map(({ path, summary }) => quoted(`${path.at(-1)}:${escaped(summary)}`)).join("\n    ")}
  )
  _arguments -C : \\
    ${specs(command).join(" \\\n    ")} \\
    '1: :->command' \\
    '*:: :->rest'
  case $state in
    command) _describe -t commands command commands ;;
    rest)
      case $line[1] in
        ${command.commands.map((child) => `${child.path.at(-1)}) ${nameOf(child)} ;;`).join("\n        ")}
      esac ;;
  esac
}`;

const nameOf = ({ path }: CommandTree): string => `_${path.join("_")}`;

const specs = ({ options, words }: CommandTree): readonly string[] => [
  ...options.map(optionSpec),
  ...words.map(wordSpec),
];

/** One with two spellings is offered until either has been written. */
function optionSpec({ flags, help, argument, takes }: OptionLeaf): string {
  const behind = argument === undefined ? "" : `:${escaped(argument)}:${actionOf(takes)}`;
  const equals = argument === undefined ? "" : "=";
  const text = `[${escaped(help)}]${behind}`;
  if (flags.length === 1) return quoted(`${flags[0]}${equals}${text}`);
  return `${quoted(`(${flags.join(" ")})`)}{${flags.map((flag) => `${flag}${equals}`).join(",")}}${quoted(text)}`;
}

const wordSpec = ({ name, choices }: WordLeaf, index: number): string =>
  quoted(`${index + 1}:${escaped(name)}:${actionOf(choices.length > 0 ? choices : "text")}`);

function actionOf(takes: Takes): string {
  if (typeof takes !== "string") return `(${takes.join(" ")})`;
  return { file: "_files", directory: "_files -/", text: " ", nothing: " " }[takes];
}

const escaped = (text: string): string => text.replace(/[\\[\]:]/g, "\\$&");
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
