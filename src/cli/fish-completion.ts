import { type CommandTree, everyCommand, type OptionLeaf, type Takes } from "./command-tree.ts";

/**
 * For fish 3 and later. What is offered depends on the command that is being written, which a function reads off the
 * words before the cursor. https://fishshell.com/docs/current/completions.html
 */
export function fishCompletion(tree: CommandTree): string {
  const commands = everyCommand(tree);
  return `# fish completion for taskrole
function __taskrole_at --description 'whether it is this command that is being written'
    set -l at taskrole
    for word in (commandline -opc)[2..-1]
        if contains -- "$at $word" ${commands.map(({ path }) => quoted(path.join(" "))).join(" ")}
            set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end
complete -c taskrole -f
${commands.flatMap(linesOf).join("\n")}
`;
}

const linesOf = ({ path, commands, words, options }: CommandTree): readonly string[] =>
  [
    ...commands.map((child) => `-a ${child.path.at(-1)} -d ${quoted(child.summary)}`),
    ...words.filter(({ choices }) => choices.length > 0).map(({ choices }) => `-a ${quoted(choices.join(" "))}`),
    ...options.map(optionWords),
  ].map((what) => `complete -c taskrole -n ${quoted(`__taskrole_at "${path.join(" ")}"`)} ${what}`);

const optionWords = ({ flags, help, takes }: OptionLeaf): string =>
  [
    ...flags.map((flag) => (flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)),
    ...behind(takes),
    `-d ${quoted(help)}`,
  ].join(" ");

function behind(takes: Takes): readonly string[] {
  if (typeof takes !== "string") return [`-x -a ${quoted(takes.join(" "))}`];
  return { nothing: [], text: ["-x"], file: ["-r -F"], directory: ["-x -a '(__fish_complete_directories)'"] }[takes];
}

const quoted = (text: string): string => `'${text.replace(/[\\']/g, "\\$&")}'`;
