import assert from "node:assert/strict";
import { test } from "node:test";
import { withTeardown } from "../../src/kit/teardown.ts";

test("what was deferred is undone after the task, the last first", async () => {
  const done: string[] = [];
  const note = (what: string) => async () => void done.push(what);
  const result = await withTeardown(async ({ defer }) => {
    defer(note("network"));
    defer(note("container"));
    await note("task")();
    return 7;
  });
  assert.equal(result, 7);
  assert.deepEqual(done, ["task", "container", "network"]);
});

test("everything is undone whatever fails, and the task's own error is the one that is told", async () => {
  const done: string[] = [];
  const failing = withTeardown(async ({ defer }) => {
    defer(async () => void done.push("network"));
    defer(async () => {
      throw new Error("no such container");
    });
    throw new Error("no image");
  });
  await assert.rejects(failing, { message: "no image" });
  assert.deepEqual(done, ["network"]);
});

test("what cannot be undone is told where nothing else failed", async () => {
  const failing = withTeardown(async ({ defer }) => {
    defer(async () => {
      throw new Error("no such container");
    });
  });
  await assert.rejects(failing, { message: "no such container" });
});
