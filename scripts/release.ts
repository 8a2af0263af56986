/**
 * `npm run release`: from a tagged commit all that is published of it, in one folder. docs/releasing.md says how to use it,
 * and how anybody can check what was published.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../package.json" with { type: "json" };
import { billOfMaterials } from "./bill-of-materials.ts";
import { fetchBun } from "./bun-runtime.ts";
import { builtTwice, checksum } from "./checksum.ts";
import { compile } from "./compile.ts";
import { unlikeTheLock } from "./installed-packages.ts";
import { NOTICES, packPackage, writePackage } from "./npm-package.ts";
import { refusal } from "./release-rules.ts";
import { changes, commit, git } from "./revision.ts";

const USAGE = `npm run release -- [--out DIR] [--untagged]

  --out DIR     an empty or new folder for what is published (default: dist/release)
  --untagged    a rehearsal: HEAD needs no tag
`;

/** What Bun and npm call the machines that there is a release for. */
const MACHINES = {
  "linux-x64": { target: "bun-linux-x64", bun: "@oven/bun-linux-x64" },
  "linux-arm64": { target: "bun-linux-arm64", bun: "@oven/bun-linux-aarch64" },
} as const;

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

interface Flags {
  readonly out?: string;
  readonly untagged?: boolean;
  readonly help?: boolean;
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

function fail(exitCode: number, why: string): never {
  process.stderr.write(`release: ${why}\n`);
  return process.exit(exitCode);
}

function main(): void {
  const { out = "dist/release", untagged = false, help = false } = flags();
  if (help) say(USAGE);
  else releaseTo(out, whyNot(out, !untagged));
}

function releaseTo(out: string, why: string | undefined): void {
  if (why !== undefined) fail(EXIT_FAILED, why);
  const work = mkdtempSync(join(tmpdir(), "taskrole-release-"));
  try {
    cpSync(everything(work), out, { recursive: true });
    for (const name of readdirSync(out).toSorted()) say(join(out, name));
  } catch (error) {
    process.exitCode = EXIT_FAILED;
    process.stderr.write(`release: ${(error as Error).message}\nrelease: nothing was written to ${out}\n`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function flags(): Flags {
  try {
    const options = { out: { type: "string" }, untagged: { type: "boolean" }, help: { type: "boolean" } } as const;
    return parseArgs({ options }).values;
  } catch (error) {
    return fail(EXIT_USAGE, `${(error as Error).message}\n${USAGE}`);
  }
}

function whyNot(out: string, needsTag: boolean): string | undefined {
  if (existsSync(out) && readdirSync(out).length > 0)
    return `${out} is not empty: empty it, or name another with --out`;
  try {
    const tags = git("tag", "--points-at", "HEAD").split("\n");
    const found = { tags, changes: changes(), unlikeTheLock: unlikeTheLock() };
    return refusal({ version: manifest.version, commit: commit(), ...found, needsTag });
  } catch {
    return "this is no checkout with a commit, or there is no git: a release is made from a commit";
  }
}

/** @returns the folder that has all of it, and nothing else */
function everything(work: string): string {
  const made = join(work, "made");
  mkdirSync(made);
  for (const [name, machine] of Object.entries(MACHINES)) {
    const runtime = fetchBun(machine.bun, mkdtempSync(join(work, "bun-")));
    const build = (folder: string): string =>
      compile({ folder, revision: commit() }, { target: machine.target, runtime });
    cpSync(builtTwice(work, build), join(made, `taskrole-${name}`));
    say(`taskrole-${name}: built twice, the same bytes`);
  }
  const folder = join(work, "npm");
  writePackage(folder, commit());
  packPackage(folder, made);
  cpSync(join(folder, NOTICES), join(made, NOTICES));
  const committedAt = new Date(git("log", "-1", "--format=%cI")).toISOString();
  writeFileSync(join(made, `taskrole-${manifest.version}.cdx.json`), billOfMaterials(committedAt));
  writeFileSync(join(made, "SHA256SUMS"), sums(made));
  return made;
}

/** For sha256sum --check. */
const sums = (folder: string): string =>
  readdirSync(folder)
    .toSorted()
    .map((name) => `${checksum(join(folder, name))}  ${name}\n`)
    .join("");

main();
