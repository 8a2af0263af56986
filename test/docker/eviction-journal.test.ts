import assert from "node:assert/strict";
import { test } from "node:test";
import { EvictionJournal } from "../../src/docker/eviction-journal.ts";

test("a look knows of the evictions after it, and not of those before", () => {
  const journal = new EvictionJournal();
  journal.note("a");
  const look = journal.next();
  assert.equal(journal.hasNoteSince(look, ["a", "b"]), false);
  journal.note("b");
  assert.equal(journal.hasNoteSince(look, ["a"]), false);
  assert.equal(journal.hasNoteSince(look, ["a", "b"]), true);
  assert.equal(journal.hasNoteSince(journal.next(), ["a", "b"]), false);
});

test("a flood of evictions makes looks under way look again rather than forget one", () => {
  const journal = new EvictionJournal();
  const look = journal.next();
  journal.note("a");
  for (let i = 0; i < 10_000; i += 1) journal.note(`other ${i}`);
  assert.equal(journal.hasNoteSince(look, ["a"]), true);
  assert.equal(journal.hasNoteSince(journal.next(), ["a"]), false);
});
