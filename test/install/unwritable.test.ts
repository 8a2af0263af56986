import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { nearestExisting, unwritable } from "../../src/install/unwritable.ts";
import { runCommand } from "../../src/kit/run-command.ts";

const folder = mkdtempSync(join(tmpdir(), "taskrole-unwritable-"));
after(() => rmSync(folder, { recursive: true }));
const none = join(folder, "none");

test("a folder that can be written to is none; one that is not there is, once", () => {
  assert.deepEqual(unwritable([folder, none, none]), [{ path: none, code: "ENOENT" }]);
});

test("what is not there yet is made in the nearest folder that is", () => {
  writeFileSync(join(folder, "file"), "");
  assert.equal(nearestExisting(join(none, "a/b")), folder);
  assert.equal(nearestExisting(folder), folder);
  assert.deepEqual(unwritable([nearestExisting(join(folder, "file/b"))]), [
    { path: join(folder, "file/b"), code: "ENOTDIR" },
  ]);
});

test("on a read-only file system root cannot write either", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("needs root, to mount one");
  const readOnly = join(folder, "read-only");
  mkdirSync(readOnly);
  const script = `import { unwritable } from ${JSON.stringify(resolve("src/install/unwritable.ts"))}; console.log(JSON.stringify(unwritable(process.argv.slice(1))));`;
  const mount = `mount -t tmpfs -o ro tmpfs ${readOnly} && exec "$0" "$@"`;
  const argv = [process.execPath, "--input-type=module", "-e", script, folder, readOnly];
  const outcome = await runCommand(["unshare", "--mount", "sh", "-c", mount, ...argv]);
  assert.deepEqual(outcome.kind === "exited" ? JSON.parse(outcome.stdout) : outcome, [
    { path: readOnly, code: "EROFS" },
  ]);
});
