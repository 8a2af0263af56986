import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

interface Locked {
  readonly version: string;
  readonly integrity: string;
}

/**
 * Fetches the Bun of a machine from npm, whatever this machine is, into a folder: the version and the bytes that
 * package-lock.json names. (Left to itself `bun build --target` would fetch it from elsewhere, unchecked.)
 *
 * @param name of its package, e.g. @oven/bun-linux-aarch64
 * @returns the executable
 * @throws Error when the bytes are not those
 */
export function fetchBun(name: string, folder: string): string {
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as { packages: Readonly<Record<string, Locked>> };
  const locked = lock.packages[`node_modules/${name}`];
  if (locked === undefined)
    throw new Error(`package-lock.json has no ${name}: is it in the optionalDependencies of bun?`);
  const args = ["pack", `${name}@${locked.version}`, "--pack-destination", folder, "--silent"];
  const tarball = join(folder, execFileSync("npm", args, { encoding: "utf8" }).trim());
  requireIntegrity(tarball, locked.integrity);
  execFileSync("tar", ["-xzf", tarball, "-C", folder, "--strip-components=1", "package/bin/bun"]);
  return join(folder, "bin/bun");
}

/** @param integrity as in package-lock.json: https://www.w3.org/TR/SRI/ */
export function requireIntegrity(file: string, integrity: string): void {
  const [algorithm = "", wanted = ""] = integrity.split(/-(.*)/s);
  const found = createHash(algorithm).update(readFileSync(file)).digest("base64");
  if (found !== wanted)
    throw new Error(`${file} is not what package-lock.json names: ${algorithm}-${found}, not ${integrity}`);
}
