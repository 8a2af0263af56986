import { Command } from "commander";
import type { SmokeFlags } from "./run-smoke.ts";

const AFTER_HELP = `
Containers that are thrown away ask for credentials as an AWS SDK does, and as a thief would. What they saw is printed on stdout as
Markdown, to paste into an issue: versions and settings are in it, no keys and no tokens. Run it as root, on the host. The daemon's
settings are read from its file and the environment, as it reads them itself.

  taskrole smoke --role containers/web-reader                          a look, which disturbs nobody
  taskrole smoke --role containers/web-reader --restart-daemon         restarts taskrole meanwhile: "systemctl restart taskrole"
  taskrole smoke --role containers/web-reader --after-reboot           right after a boot: was taskrole there before Docker?

Exit code: 0 all well, 1 a check failed, could not be tried, or left something behind, 2 a wrong command line. Reference: docs/operations.md`;

const RESTART = "systemctl restart taskrole";

const another = (value: string, former: readonly string[] = []): readonly string[] => [...former, value];

export const smokeCommand = (): Command =>
  new Command("smoke")
    .option("--role <ROLE>", "a role that a container of this host may have (default: the setting defaultRole)")
    .option(
      "--label <KEY=VALUE>",
      "a label of the containers, where roleRules ask for one; may be given again",
      another,
    )
    .option(
      "--network <NETWORK>",
      "their Docker network (default: Docker's own bridge); one container is on the host's",
    )
    .option("--image <IMAGE>", "their image, with glibc (default: one is made of this program, and removed)")
    .option(`--restart-daemon [COMMAND]`, `have the daemon restarted meanwhile, by default with "${RESTART}"`)
    .option("--after-reboot", "judge by this boot's times whether taskrole was there before Docker")
    .option("--show-accounts", "leave account numbers in the report")
    .option("--config <FILE>", "the daemon's settings; without it /etc/taskrole/config.yaml, which need not exist")
    .addHelpText("after", AFTER_HELP)
    .action(async (flags: SmokeFlags) => {
      const { runSmokeCommand } = await import("./run-smoke.ts");
      process.exitCode = await runSmokeCommand(flags, RESTART);
    });
