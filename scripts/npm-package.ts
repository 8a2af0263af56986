import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { bundle } from "./compile.ts";
import { thirdPartyNotices } from "./third-party-notices.ts";

/** Beside the executables, and in the package. */
export const NOTICES = "THIRD-PARTY-NOTICES";
/** The first of the 22 line that runs TypeScript as it is, which is what the source is tested on. https://nodejs.org/api/typescript.html */
const ENGINES = { node: ">=22.18" };

/**
 * Writes the npm package into a folder of its own: the whole program as one file, so that nothing is installed with it.
 *
 * @returns the program's file
 */
export function writePackage(folder: string, revision: string): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const program = bundle({ folder, revision });
  chmodSync(program, 0o755);
  const { name, version, description, license } = manifest;
  const own = {
    name,
    version,
    description,
    license,
    type: "module",
    bin: { taskrole: basename(program) },
    engines: ENGINES,
  };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(own, null, 2)}\n`);
  writeFileSync(join(folder, NOTICES), thirdPartyNotices());
  for (const file of ["README.md", "LICENSE"]) copyFileSync(file, join(folder, file));
  return program;
}

/** @returns the name of the tarball, which is the same bytes for the same package: npm writes no times into it */
export function packPackage(folder: string, destination: string): string {
  const args = ["pack", folder, "--pack-destination", destination, "--silent"];
  return execFileSync("npm", args, { encoding: "utf8" }).trim();
}
