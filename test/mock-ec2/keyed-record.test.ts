import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { keyedRecord } from "../../src/mock-ec2/keyed-record.ts";

const record = keyedRecord(z.string().regex(/^a/, "must begin with a"), z.number());

test("wrong keys and wrong values are told together, each at its place", () => {
  const issues = record.safeParse({ b: "x", a: 1 }).error?.issues ?? [];
  assert.deepEqual(
    issues.map(({ path, code }) => [path, code]),
    [
      [["b"], "invalid_type"],
      [["b"], "custom"],
    ],
  );
});

test("a right record passes as it is, and what is no record is one mistake", () => {
  assert.deepEqual(record.parse({ a: 1, ab: 2 }), { a: 1, ab: 2 });
  assert.equal(record.safeParse("a").error?.issues.length, 1);
});
