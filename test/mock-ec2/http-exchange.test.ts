import assert from "node:assert/strict";
import { test } from "node:test";
import { header, splitTarget } from "../../src/mock-ec2/http-exchange.ts";

test("a target is cut into path and query, and loses its authority", () => {
  for (const [target, path, query] of [
    ["/", "/", ""],
    ["/a/b?x=1?y=2", "/a/b", "x=1?y=2"],
    ["http://user:secret@host:80/a?x", "/a", "x"],
    ["http://host", "/", ""],
    ["http://host?x", "/", "x"],
    ["/a#f?x", "/a", ""],
    ["//latest/x", "//latest/x", ""],
  ] as const) {
    assert.deepEqual(splitTarget(target), { path, query }, target);
  }
});

test("of a repeated header the first value is read", () => {
  const headers = new Map([["a", ["1", "2"]]]);
  assert.equal(header({ headers }, "a"), "1");
  assert.equal(header({ headers }, "b"), undefined);
});
