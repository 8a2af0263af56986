import { spawnSync } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";

/**
 * Makes dist/taskrole: one executable that needs no Node, compiled by Bun (why: docs/decisions/).
 * `--bytecode` spends 6 MB of size on a start three times as fast, since nothing has to be parsed; `--splitting` keeps
 * what a command does not need out of its memory. Without the `--no-compile-autoload` ones the executable would run the
 * program that a bunfig.toml names, and read the .env, of the folder it is started in: https://bun.com/docs/bundler/executables
 */
const OUTFILE = "dist/taskrole";

const started = performance.now();
mkdirSync("dist", { recursive: true });
const { status } = spawnSync(
  "node_modules/.bin/bun",
  [
    "build",
    "src/cli/main.ts",
    "--compile",
    "--bytecode",
    "--splitting",
    "--format=esm",
    "--minify",
    "--sourcemap=none",
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    `--outfile=${OUTFILE}`,
    ...process.argv.slice(2),
  ],
  { stdio: ["ignore", "ignore", "inherit"] },
);
if (status !== 0) process.exit(status ?? 1);
const megabytes = Math.round(statSync(OUTFILE).size / 1e6);
process.stdout.write(`${OUTFILE}: ${megabytes} MB in ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
