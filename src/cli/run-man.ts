import type { Command } from "commander";
import manifest from "../../package.json" with { type: "json" };
import { treeOf } from "./command-tree.ts";
import { manualPage } from "./manual-page.ts";

export const runMan = (program: Command): string => manualPage(treeOf(program), manifest.version);
