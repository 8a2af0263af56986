import { Command } from "commander";
import type { DemoFlags } from "./run-demo.ts";

export const demoCommand = (): Command =>
  new Command("demo")
    .option("--keep", "leave it running, with addresses to try by curl, until Ctrl-C")
    .option("--docker", "with real containers and the real packet rules: needs root, nft and a Docker Engine")
    .option("--verbose", "show the daemon's own log as well")
    .action(async (flags: DemoFlags) => {
      const { runDemo } = await import("./run-demo.ts");
      process.exitCode = (await runDemo(flags)) ? 0 : 1;
    });
