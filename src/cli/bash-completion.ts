import { type CommandTree, everyCommand, type OptionLeaf } from "./command-tree.ts";

/**
 * For bash 4.4 and later, without the package bash-completion. The words before the cursor say which command is being
 * written; --flag=value comes as three words: https://www.gnu.org/software/bash/manual/html_node/Programmable-Completion.html
 */
export function bashCompletion(tree: CommandTree): string {
  const commands = everyCommand(tree);
  const below = commands.filter(({ path }) => path.length > 1);
  return `# bash completion for taskrole
_taskrole() {
    local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} at=taskrole words='' i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$at \${COMP_WORDS[i]}" in
            ${below.map(({ path }) => quoted(path.join(" "))).join(" | \\\n            ")}) at="$at \${COMP_WORDS[i]}" ;;
        esac
    done
    if [ "$word" = = ]; then
        word=''
    elif [ "$before" = = ]; then
        before=\${COMP_WORDS[COMP_CWORD-2]}
    fi
    COMPREPLY=()
    case $at in
${commands.map(caseOf).join("\n")}
    esac
    while IFS= read -r i; do COMPREPLY+=("$i"); done < <(compgen -W "$words" -- "$word")
}
complete -F _taskrole taskrole
`;
}

const caseOf = (command: CommandTree): string => `\
        ${quoted(command.path.join(" "))})
            case $before in
${[...command.options.flatMap(armOf), `*) words=${quoted(wordsOf(command).join(" "))} ;;`].map((arm) => `                ${arm}`).join("\n")}
            esac ;;`;

/** What comes behind an option; nothing where that is for the command to say. */
function armOf({ flags, takes }: OptionLeaf): readonly string[] {
  if (takes === "nothing") return [];
  return [`${flags.join(" | ")}) ${typeof takes === "string" ? BEHIND[takes] : `words=${quoted(takes.join(" "))}`} ;;`];
}

/** Files are left to readline, which knows of blanks and of ~. */
const BEHIND = { file: "compopt -o default; return", directory: "compopt -o dirnames; return", text: "return" };

const wordsOf = ({ commands, words, options }: CommandTree): readonly string[] => [
  ...commands.map(({ path }) => path.at(-1) ?? ""),
  ...words.flatMap(({ choices }) => choices),
  ...options.flatMap(({ flags }) => flags.filter((flag) => flag.startsWith("--"))),
];

const quoted = (text: string): string => `'${text}'`;
