import { Command } from "commander";
import { configSources, withConfigFlags } from "./config-flags.ts";
import { isToolNamed, withToolFlags } from "./tool-flags.ts";

export const checkConfigCommand = (): Command =>
  withToolFlags(
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
    ),
  ).action(async ({ workload, cases, ...flags }: CheckFlags, { args }: Command) => {
    const { runCheckConfig } = await import("./run-check-config.ts");
    const sources = configSources(flags, args);
    process.exitCode = await runCheckConfig(sources, { workload, cases, isToolNamed: isToolNamed(sources) });
  });

interface CheckFlags extends Readonly<Record<string, unknown>> {
  readonly workload?: string;
  readonly cases?: string;
}
