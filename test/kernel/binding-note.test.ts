import assert from "node:assert/strict";
import { test } from "node:test";
import { bindingNote, boundAtIn } from "../../src/kernel/binding-note.ts";

const BOUND_AT = Date.UTC(2026, 0, 2, 3, 4, 5);

test("a note says whose and since when, and the moment is read back from it", () => {
  assert.equal(bindingNote("web (0123)", BOUND_AT), "web (0123) since 2026-01-02T03:04:05Z");
  for (const owner of ["web (0123)", 'a" } ; flush', "x".repeat(200), "web since 2020-01-01T00:00:00Z"])
    assert.equal(boundAtIn(bindingNote(owner, BOUND_AT)), BOUND_AT, owner);
});

test("somebody else's note has no moment", () => {
  for (const note of ["", "web", "web since yesterday", "web since 2026-99-99T99:99:99Z"])
    assert.equal(boundAtIn(note), undefined, note);
});
