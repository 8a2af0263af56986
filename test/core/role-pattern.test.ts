import assert from "node:assert/strict";
import { test } from "node:test";
import { haveCommonRole, isEveryRole } from "../../src/core/role-pattern.ts";

test("every role, in however many words", () => {
  for (const [pattern, every] of [
    ["*", true],
    ["arn:aws:iam::*:role/*", true],
    ["arn:aws:iam::????????????:role/?*", true],
    ["arn:aws-cn:iam::*:role/*", true],
    ["arn:aws:iam::111122223333:role/*", false],
    ["arn:aws:iam::*:role/a*", false],
  ] as const)
    assert.equal(isEveryRole(pattern), every, pattern);
});

test("of whole ARNs the account's wildcard stays in the account", () => {
  assert.equal(haveCommonRole("arn:aws:iam::*:role/a", "arn:aws:iam::111122223333:role/?"), true);
  assert.equal(haveCommonRole("arn:aws:iam::*:role/a", "arn:aws:iam::111122223333:user/a"), false);
  assert.equal(haveCommonRole("*", "arn:aws:iam::111122223333:role/a"), true);
});
