import { Command } from "commander";
import { configSources, withConfigFlags } from "./config-flags.ts";

export const checkConfigCommand = (): Command =>
  withConfigFlags(new Command("check-config")).action(async (options: Readonly<Record<string, unknown>>) => {
    const { configOrExit } = await import("./config-or-exit.ts");
    const { reviewOfRules } = await import("../app/role-rules-review.ts");
    const config = configOrExit(configSources(options));
    for (const warning of reviewOfRules(config.roleRules)) process.stderr.write(`taskrole: warning: ${warning}\n`);
    process.stdout.write(`${JSON.stringify(config, null, 2)}\n`);
  });
