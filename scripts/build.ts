import { mkdirSync, statSync } from "node:fs";
import { compile } from "./compile.ts";
import { revision } from "./revision.ts";

/** Makes dist/taskrole, for this machine. */
const started = performance.now();
mkdirSync("dist", { recursive: true });
const executable = compile({ folder: "dist", revision: revision() }, undefined, process.argv.slice(2));
const megabytes = Math.round(statSync(executable).size / 1e6);
process.stdout.write(`${executable}: ${megabytes} MB in ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
