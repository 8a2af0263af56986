import { Command } from "commander";

interface HealthFlags {
  readonly config?: string;
  readonly runtimeDirectory?: string;
  readonly adminSocket?: string;
}

const AFTER_HELP = `
Asks the daemon over its admin socket, and waits three seconds for the answer. Exit code: 0 it serves containers; 1 it is starting
or stopping, hangs, or does not run. STS, Docker and the host's metadata service may be down meanwhile: a restart would not mend
them. Reference: docs/operations.md`;

export const healthCommand = (): Command =>
  new Command("health")
    .option("--config <FILE>", "the daemon's settings, to find its socket by; without it /etc/taskrole/config.yaml")
    .option("--runtime-directory <DIR>", "the daemon's, which its socket is in (default: as the settings say)")
    .option("--admin-socket <PATH>", "the daemon's socket (default: as the settings say)")
    .addHelpText("after", AFTER_HELP)
    .action(async ({ config, ...flags }: HealthFlags) => {
      const { runHealth } = await import("./run-health.ts");
      process.exitCode = await runHealth({ file: config, environment: process.env, flags: { ...flags } });
    });
