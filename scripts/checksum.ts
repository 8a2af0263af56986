import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** @returns the SHA-256 of a file, in hexadecimal */
export const checksum = (file: string): string => createHash("sha256").update(readFileSync(file)).digest("hex");

/**
 * Builds a file twice.
 *
 * @throws Error when the two differ: nobody could then check that what is published is what was committed
 */
export function builtTwice(outfile: string, build: (outfile: string) => void): void {
  const again = `${outfile}.again`;
  build(outfile);
  build(again);
  const [first, second] = [checksum(outfile), checksum(again)];
  if (first !== second) throw new Error(`two builds of ${outfile} from one commit differ (${first}, ${second})`);
}
