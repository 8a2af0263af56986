import { Command } from "commander";
import { configSources, withConfigFlags } from "./config-flags.ts";

export const checkConfigCommand = (): Command =>
  withConfigFlags(new Command("check-config")).action(async (options: Readonly<Record<string, unknown>>) => {
    const { ConfigError, loadConfig } = await import("../app/config.ts");
    try {
      process.stdout.write(`${JSON.stringify(loadConfig(configSources(options)), null, 2)}\n`);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const mistake of error.mistakes) process.stderr.write(`taskrole: ${mistake}\n`);
      process.exit(2);
    }
  });
