import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { NoticeBoard, readNotices } from "../../src/app/notice-board.ts";

const notice = (about: string) => ({
  about,
  reason: "it has no way",
  remedy: "give it one",
  since: "2026-01-01T00:00:00Z",
});

function folder(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), "notices-"));
  t.after(() => rmSync(root, { recursive: true }));
  return join(root, "runtime");
}

test("what is posted is read, in its order, until it is removed; then there is no file", (t) => {
  const directory = folder(t);
  const board = new NoticeBoard(directory);
  board.post("1", notice("one"));
  board.post("2", notice("two"));
  board.post("1", notice("one again"));
  assert.deepEqual(
    readNotices(directory).map(({ about }) => about),
    ["one again", "two"],
  );
  board.remove("1");
  board.remove("3");
  assert.deepEqual(readNotices(directory), [notice("two")]);
  board.remove("2");
  assert.deepEqual(readdirSync(directory), []);
});

test("what a daemon said that runs no more is not read, nor what another process with its number might have said", (t) => {
  const directory = folder(t);
  new NoticeBoard(directory).post("1", notice("one"));
  const path = join(directory, "notices.json");
  const { daemon, notices } = JSON.parse(readFileSync(path, "utf8"));
  for (const changed of [
    { ...daemon, pid: 4_194_304 },
    { ...daemon, started: "1" },
  ]) {
    writeFileSync(path, JSON.stringify({ daemon: changed, notices }));
    assert.deepEqual(readNotices(directory), []);
  }
  writeFileSync(path, JSON.stringify({ daemon, notices }));
  assert.equal(readNotices(directory).length, 1);
});

test("a new daemon takes away what the last one left", (t) => {
  const directory = folder(t);
  new NoticeBoard(directory).post("1", notice("one"));
  new NoticeBoard(directory).clear();
  assert.ok(!existsSync(join(directory, "notices.json")));
});

test("a file that is none of ours, or none at all, says nothing; a directory that cannot be written stops nobody", (t) => {
  const directory = folder(t);
  assert.deepEqual(readNotices(directory), []);
  mkdirSync(directory);
  for (const text of ["", "{}", '{"daemon":{"pid":1,"started":"1"},"notices":{}}', "\0"]) {
    writeFileSync(join(directory, "notices.json"), text);
    assert.deepEqual(readNotices(directory), []);
  }
  new NoticeBoard(join(directory, "notices.json")).post("1", notice("one"));
});
