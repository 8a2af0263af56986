import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";

/** The whole text against the file under test/golden/mock-ec2/; UPDATE_GOLDEN=1 writes it anew. */
export function assertGolden(name: string, text: string): void {
  const file = new URL(`../golden/mock-ec2/${name}`, import.meta.url);
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(file, text);
  assert.equal(text, readFileSync(file, "utf8"));
}
