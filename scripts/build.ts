import { mkdirSync, statSync } from "node:fs";
import { compile } from "./compile.ts";
import { revision } from "./revision.ts";

/** Makes dist/taskrole, for this machine. */
const OUTFILE = "dist/taskrole";

const started = performance.now();
mkdirSync("dist", { recursive: true });
compile({ outfile: OUTFILE, revision: revision() }, undefined, process.argv.slice(2));
const megabytes = Math.round(statSync(OUTFILE).size / 1e6);
process.stdout.write(`${OUTFILE}: ${megabytes} MB in ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
