import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { FileChanges } from "../../src/app/file-changes.ts";

function place(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "taskrole-changes-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "file");
  writeFileSync(path, "one");
  return { path, changes: new FileChanges(path) };
}

/** What so many looks said. */
const looks = (changes: FileChanges, count: number) => Array.from({ length: count }, () => changes.hasSettled());

test("a file that stays as it was has not changed", (t) => {
  assert.deepEqual(looks(place(t).changes, 3), [false, false, false]);
});

test("a change is told once, at the second look that finds it the same", (t) => {
  const { path, changes } = place(t);
  writeFileSync(path, "another");
  assert.deepEqual(looks(changes, 4), [false, true, false, false]);
});

test("while it is being written it is not told", (t) => {
  const { path, changes } = place(t);
  for (let text = "a line\n"; text.length < 40; text += "a line\n") {
    writeFileSync(path, text);
    assert.equal(changes.hasSettled(), false, text);
  }
  assert.equal(changes.hasSettled(), true);
});

test("another file in its place is a change, also when it is as long and as old", (t) => {
  const { path, changes } = place(t);
  writeFileSync(`${path}.new`, "two");
  renameSync(`${path}.new`, path);
  assert.deepEqual(looks(changes, 3), [false, true, false]);
});

test("another target of a link is one", (t) => {
  const { path } = place(t);
  const link = `${path}.link`;
  symlinkSync(path, link);
  const changes = new FileChanges(link);
  writeFileSync(`${path}.2`, "one");
  symlinkSync(`${path}.2`, `${link}.new`);
  renameSync(`${link}.new`, link);
  assert.deepEqual(looks(changes, 3), [false, true, false]);
});

test("that it went is one, and that it came back", (t) => {
  const { path, changes } = place(t);
  rmSync(path);
  assert.deepEqual(looks(changes, 3), [false, true, false]);
  writeFileSync(path, "two");
  assert.deepEqual(looks(changes, 3), [false, true, false]);
});
