import { Command } from "commander";

interface ReloadFlags {
  readonly config?: string;
  readonly runtimeDirectory?: string;
  readonly adminSocket?: string;
}

const AFTER_HELP = `
The daemon reads its own file, environment and flags again; nothing is dropped. When anything in them is wrong, all stays as it
was, and every mistake is said. Exit code: 0 done, 1 no daemon answers, 2 the configuration is wrong. kill -HUP does the same
without the answer, which is then in the log. Reference: docs/operations.md`;

export const reloadCommand = (): Command =>
  new Command("reload")
    .option("--config <FILE>", "the daemon's settings, to find its socket by; without it /etc/taskrole/config.yaml")
    .option("--runtime-directory <DIR>", "the daemon's, which its socket is in (default: as the settings say)")
    .option("--admin-socket <PATH>", "the daemon's socket (default: as the settings say)")
    .addHelpText("after", AFTER_HELP)
    .action(async ({ config, ...flags }: ReloadFlags) => {
      const { runReload } = await import("./run-reload.ts");
      process.exitCode = await runReload({ file: config, environment: process.env, flags: { ...flags } });
    });
