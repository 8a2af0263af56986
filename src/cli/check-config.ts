import { Command } from "commander";
import { configSources, withConfigFlags } from "./config-flags.ts";

export const checkConfigCommand = (): Command =>
  withConfigFlags(new Command("check-config")).action(async (options: Readonly<Record<string, unknown>>) => {
    const { configOrExit } = await import("./config-or-exit.ts");
    process.stdout.write(`${JSON.stringify(configOrExit(configSources(options)), null, 2)}\n`);
  });
