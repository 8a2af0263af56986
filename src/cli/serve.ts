import { Command } from "commander";
import { configSources, withConfigFlags } from "./config-flags.ts";

export const serveCommand = (): Command =>
  withConfigFlags(new Command("serve")).action(async (options: Readonly<Record<string, unknown>>) => {
    const { runServe } = await import("./run-serve.ts");
    await runServe(configSources(options));
  });
