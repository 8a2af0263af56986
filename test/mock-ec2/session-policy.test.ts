import assert from "node:assert/strict";
import { test } from "node:test";
import { sessionPolicyError } from "../../src/mock-ec2/session-policy.ts";

const statement = { Effect: "Allow", Action: "s3:*", Resource: "*" };

test("a well-formed policy passes", () => {
  for (const policy of [
    { Version: "2012-10-17", Statement: statement },
    { Statement: [statement, { Sid: "x", Effect: "Deny", NotAction: ["a:b"], NotResource: ["*"], Condition: {} }] },
  ]) {
    assert.equal(sessionPolicyError(JSON.stringify(policy)), undefined);
  }
});

test("what is no JSON, and what is no policy, are told apart as AWS does", () => {
  for (const [text, message] of [
    ["{", "This policy contains invalid Json"],
    ["", "This policy contains invalid Json"],
    ["7", "Syntax errors in policy."],
    ["null", "Syntax errors in policy."],
    ["{}", "Syntax errors in policy."],
    [JSON.stringify({ Version: "2020-01-01", Statement: [statement] }), "Syntax errors in policy."],
    [JSON.stringify({ Statement: [] }), "Syntax errors in policy."],
    [JSON.stringify({ Statement: [{ ...statement, Effect: "allow" }] }), "Syntax errors in policy."],
    [JSON.stringify({ Statement: [{ ...statement, Principal: "*" }] }), "Syntax errors in policy."],
    [JSON.stringify({ Statement: [{ ...statement, NotAction: "x" }] }), "Syntax errors in policy."],
    [JSON.stringify({ Statement: [{ Effect: "Allow", Action: "s3:*" }] }), "Syntax errors in policy."],
    [JSON.stringify({ Statement: [{ ...statement, Action: [] }] }), "Syntax errors in policy."],
    [JSON.stringify({ Statement: [{ ...statement, Condition: "x" }] }), "Syntax errors in policy."],
    [JSON.stringify({ Statement: [statement], Extra: 1 }), "Syntax errors in policy."],
  ] as const) {
    const error = sessionPolicyError(text);
    assert.deepEqual([error?.code, error?.status, error?.message], ["MalformedPolicyDocument", 400, message], text);
  }
});
