import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

/** @returns the SHA-256 of a file, in hexadecimal */
export const checksum = (file: string): string => createHash("sha256").update(readFileSync(file)).digest("hex");

/**
 * Builds a file twice, each time in a folder of its own.
 *
 * @param build is given the folder, and returns the file
 * @returns the first of them
 * @throws Error when they differ: nobody could then check that what is published is what was committed
 */
export function builtTwice(work: string, build: (folder: string) => string): string {
  const once = (): string => build(mkdtempSync(join(work, "build-")));
  const [first, second] = [once(), once()];
  const [one, other] = [checksum(first), checksum(second)];
  if (one !== other) throw new Error(`two builds of one commit differ: ${basename(first)} is ${one}, then ${other}`);
  return first;
}
