import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { writeWhole } from "../../src/install/whole-file.ts";

test("a writing that fails leaves no draft: on a full disk it would be what fills it", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "taskrole-whole-"));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "place/taken"), { recursive: true });
  assert.throws(() => writeWhole(join(folder, "place"), "text", 0o644), { code: "EISDIR" });
  assert.deepEqual(readdirSync(folder), ["place"]);
});
