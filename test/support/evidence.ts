import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Keeps what a test saw, for the page that is made of it; a test that fails leaves nothing, so that no page is made of it.
 *
 * @param look throws when the test fails. @returns a few words
 */
export async function keepEvidence(file: string, look: () => Promise<string>): Promise<void> {
  await rm(file, { force: true });
  const seen = await look();
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, seen);
}
