import { Command, Option } from "commander";

interface InstallFlags {
  readonly defaultRole?: string;
  readonly config?: string;
  readonly dryRun?: true;
}

interface UninstallFlags {
  readonly removeIpRules?: true;
  readonly dryRun?: true;
}

const AFTER_INSTALL = `
It writes /usr/local/bin/taskrole (a copy of the program that you run), /etc/taskrole/config.yaml where there is none, the user taskrole, and three
units in /etc/systemd/system: taskrole.service, taskrole.socket, taskrole-hold.service. All that is in the way is said before anything is
changed; a file that is there and not taskrole's is never replaced. Run it again to upgrade, or to finish what was interrupted.
Exit code: 0 done, 1 it cannot be done or was not, 2 the command line or the settings are wrong. Reference: docs/operations.md`;

const AFTER_UNINSTALL = `
Files that were changed since they were installed stay, and are named. So do the ip rules, until the next boot: without them containers reach the
host's role. Exit code: 0 done, 1 it was not done. Reference: docs/operations.md`;

const DRY_RUN = "show what would be done, and change nothing; needs no root";

export const installCommand = (): Command =>
  new Command("install")
    .option("--default-role <ROLE>", "for containers that name no role, as the first line of a new settings' file")
    .addOption(
      new Option("--config <FILE>", "copy these settings to /etc/taskrole/config.yaml").conflicts("defaultRole"),
    )
    .option("--dry-run", DRY_RUN)
    .addHelpText("after", AFTER_INSTALL)
    .allowExcessArguments(false)
    .action(async ({ defaultRole, config, dryRun }: InstallFlags) => {
      const { runInstall } = await import("./run-install.ts");
      process.exitCode = await runInstall({ defaultRole, file: config, isDry: dryRun === true });
    });

export const uninstallCommand = (): Command =>
  new Command("uninstall")
    .option("--remove-ip-rules", "the ip rules too: containers then reach the host's role")
    .option("--dry-run", DRY_RUN)
    .addHelpText("after", AFTER_UNINSTALL)
    .allowExcessArguments(false)
    .action(async ({ removeIpRules, dryRun }: UninstallFlags) => {
      const { runUninstall } = await import("./run-uninstall.ts");
      process.exitCode = await runUninstall({ removeIpRules: removeIpRules === true, isDry: dryRun === true });
    });
