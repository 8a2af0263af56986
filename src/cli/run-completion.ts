import type { Command } from "commander";
import { bashCompletion } from "./bash-completion.ts";
import { treeOf } from "./command-tree.ts";
import { fishCompletion } from "./fish-completion.ts";
import { zshCompletion } from "./zsh-completion.ts";

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

export type Shell = keyof typeof SCRIPTS;

export const completionScript = (shell: Shell, program: Command): string => SCRIPTS[shell](treeOf(program));
