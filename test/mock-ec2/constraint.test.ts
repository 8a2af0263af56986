import assert from "node:assert/strict";
import { test } from "node:test";
import { checkText } from "../../src/mock-ec2/constraint.ts";

const rule = { member: "name", min: 2, max: 3, accepts: /^[a-z]*$/, pattern: "[a-z]*" };

test("every broken limit is one complaint in AWS's words", () => {
  assert.deepEqual(checkText(rule, "ab"), []);
  assert.deepEqual(checkText(rule, "A"), [
    "Value 'A' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]*",
    "Value 'A' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 2",
  ]);
  assert.deepEqual(checkText(rule, "abcd"), [
    "Value 'abcd' at 'name' failed to satisfy constraint: Member must have length less than or equal to 3",
  ]);
});

test("only a required parameter may not be absent, and absent is not empty", () => {
  assert.deepEqual(checkText(rule, null), []);
  assert.deepEqual(checkText({ ...rule, required: true }, null), [
    "Value null at 'name' failed to satisfy constraint: Member must not be null",
  ]);
  assert.equal(checkText(rule, "").length, 1);
});

test("length is counted in characters, not in UTF-16 halves", () => {
  assert.deepEqual(checkText({ ...rule, accepts: /./u }, "😀😀😀"), []);
});
