import { spawnSync } from "node:child_process";
import { join } from "node:path";

const ENTRY = "src/cli/main.ts";

export interface Compilation {
  /** Where the file is put. Its name is always the same, since Bun writes that into it. */
  readonly folder: string;
  /** As --version tells it (src/cli/version.ts). */
  readonly revision: string;
}

export interface Machine {
  /** As Bun calls it: bun-linux-arm64. */
  readonly target: string;
  /** Bun's own executable for it, which is what the program is put into. */
  readonly runtime: string;
}

/**
 * One executable that needs no Node, compiled by Bun (why: docs/decisions/runtime.md); without a machine for this one.
 * `--bytecode` spends 6 MB of size on a start three times as fast, since nothing has to be parsed; `--splitting` keeps
 * what a command does not need out of its memory. Without the `--no-compile-autoload` ones the executable would run the
 * program that a bunfig.toml names, and read the .env, of the folder it is started in: https://bun.com/docs/bundler/executables
 *
 * @returns the executable
 */
export function compile({ folder, revision }: Compilation, machine?: Machine, flags: readonly string[] = []): string {
  const outfile = join(folder, "taskrole");
  bunBuild(outfile, [
    "--compile",
    "--bytecode",
    "--splitting",
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    ...(machine ? [`--target=${machine.target}`, `--compile-executable-path=${machine.runtime}`] : []),
    ...constants(revision),
    ...flags,
  ]);
  return outfile;
}

/**
 * One file that needs nothing but Node. Without `--splitting` the commands are all in it, and still only run when they are asked for.
 *
 * @returns the file
 */
export function bundle({ folder, revision }: Compilation): string {
  const outfile = join(folder, "taskrole.js");
  bunBuild(outfile, ["--target=node", "--banner=#!/usr/bin/env node", ...constants(revision)]);
  return outfile;
}

/** pino finds the files of its workers, which are not used here, by __dirname: that would write this folder's path into the file. */
const constants = (revision: string): readonly string[] =>
  Object.entries({ TASKROLE_REVISION: revision, __dirname: "/", __filename: "/" }).map(
    ([name, value]) => `--define=${name}=${JSON.stringify(value)}`,
  );

/** What Bun has to say stands on stderr already when this throws. */
function bunBuild(outfile: string, flags: readonly string[]): void {
  const args = ["build", ENTRY, "--format=esm", "--minify", "--sourcemap=none", `--outfile=${outfile}`, ...flags];
  const { status, error } = spawnSync("node_modules/.bin/bun", args, { stdio: ["ignore", "ignore", "inherit"] });
  if (error) throw new Error(`cannot run Bun: run npm ci first`, { cause: error });
  if (status !== 0) throw new Error(`bun build ended with ${status}`);
}
