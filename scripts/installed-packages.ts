import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import lock from "../package-lock.json" with { type: "json" };

interface LockedPackage {
  readonly version?: string;
  /** Those for other machines are not installed. */
  readonly optional?: boolean;
}

/** What is compiled in, and what compiles it, comes from here. @returns where it is not what package-lock.json names, e.g. "node_modules/zod is 4.0.0, not 4.6.7" */
export function unlikeTheLock(): readonly string[] {
  return Object.entries<LockedPackage>(lock.packages).flatMap(([folder, { version, optional = false }]) => {
    if (folder === "") return [];
    const installed = versionIn(folder);
    if (installed === version || (installed === undefined && optional)) return [];
    return [`${folder} is ${installed ?? "missing"}, not ${version}`];
  });
}

function versionIn(folder: string): string | undefined {
  const file = join(folder, "package.json");
  if (!existsSync(file)) return undefined;
  return (JSON.parse(readFileSync(file, "utf8")) as { readonly version: string }).version;
}
