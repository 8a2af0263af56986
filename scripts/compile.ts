import { spawnSync } from "node:child_process";

const BUN = "node_modules/.bin/bun";
const ENTRY = "src/cli/main.ts";

/** What --version tells (src/cli/version.ts); the same for the executable and for the package. */
export interface Compilation {
  readonly outfile: string;
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
 */
export function compile({ outfile, revision }: Compilation, machine?: Machine, flags: readonly string[] = []): void {
  bunBuild([
    ENTRY,
    "--compile",
    "--bytecode",
    "--splitting",
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    ...(machine ? [`--target=${machine.target}`, `--compile-executable-path=${machine.runtime}`] : []),
    ...shared({ outfile, revision }),
    ...flags,
  ]);
}

/** One file that needs nothing but Node. */
export function bundle({ outfile, revision }: Compilation): void {
  // Without --splitting the commands are in the one file, and still only run when they are asked for.
  bunBuild([ENTRY, "--target=node", "--banner=#!/usr/bin/env node", ...shared({ outfile, revision })]);
}

const shared = ({ outfile, revision }: Compilation): readonly string[] => [
  "--format=esm",
  "--minify",
  "--sourcemap=none",
  `--define=TASKROLE_REVISION=${JSON.stringify(revision)}`,
  `--outfile=${outfile}`,
];

/** What Bun has to say stands on stderr already when this throws. */
function bunBuild(args: readonly string[]): void {
  const { status, error } = spawnSync(BUN, ["build", ...args], { stdio: ["ignore", "ignore", "inherit"] });
  if (error) throw new Error(`cannot run ${BUN}: run npm ci first`, { cause: error });
  if (status !== 0) throw new Error(`bun build ended with ${status}`);
}
