import { Argument, Command } from "commander";
import type { Shell } from "./run-completion.ts";

const SHELLS: readonly Shell[] = ["bash", "zsh", "fish"];

const AFTER_HELP = `
For yourself:
  bash   echo 'source <(taskrole completion bash)' >>~/.bashrc
  zsh    echo 'source <(taskrole completion zsh)' >>~/.zshrc     # below the line with compinit
  fish   taskrole completion fish >~/.config/fish/completions/taskrole.fish
For everyone:
  bash   taskrole completion bash >/usr/share/bash-completion/completions/taskrole
  zsh    taskrole completion zsh >/usr/local/share/zsh/site-functions/_taskrole
  fish   taskrole completion fish >/usr/share/fish/vendor_completions.d/taskrole.fish`;

/** @param whole the program with every command and its options */
export const completionCommand = (whole: () => Promise<Command>): Command =>
  new Command("completion")
    .addArgument(new Argument("<shell>", "whose script it is").choices(SHELLS))
    .addHelpText("after", AFTER_HELP)
    .action(async (shell: Shell) => {
      const { completionScript } = await import("./run-completion.ts");
      process.stdout.write(completionScript(shell, await whole()));
    });
