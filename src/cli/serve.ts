import { Command } from "commander";
import { configSources, withConfigFlags } from "./config-flags.ts";
import { withToolFlags } from "./tool-flags.ts";

export const serveCommand = (): Command =>
  withToolFlags(withConfigFlags(new Command("serve"))).action(
    async (options: Readonly<Record<string, unknown>>, { args }: Command) => {
      const { runServe } = await import("./run-serve.ts");
      await runServe(configSources(options, args));
    },
  );
