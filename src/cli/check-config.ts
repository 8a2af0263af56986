import { Command } from "commander";
import { configSources, withConfigFlags } from "./config-flags.ts";

export const checkConfigCommand = (): Command =>
  withConfigFlags(
    new Command("check-config")
      .option(
        "--workload <FILE|NAME>",
        "what a container would be granted: of a file from docker inspect, or by its name",
      )
      .option(
        "--cases <FILE>",
        "a table of containers and what is expected of each; fails when one is decided otherwise",
      ),
  ).action(async ({ workload, cases, ...flags }: CheckFlags) => {
    const { runCheckConfig } = await import("./run-check-config.ts");
    process.exitCode = await runCheckConfig(configSources(flags), { workload, cases });
  });

interface CheckFlags extends Readonly<Record<string, unknown>> {
  readonly workload?: string;
  readonly cases?: string;
}
