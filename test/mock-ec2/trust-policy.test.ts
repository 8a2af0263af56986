import assert from "node:assert/strict";
import { test } from "node:test";
import {
  askTrust,
  type ConditionOperator,
  conditionOperators,
  isConditionOperator,
  type StsAction,
  type TrustStatement,
} from "../../src/mock-ec2/trust-policy.ts";

const caller = {
  arn: "arn:aws:sts::111122223333:assumed-role/host/i-1",
  principalArn: "arn:aws:iam::111122223333:role/fleet/host",
  accountId: "111122223333",
  partition: "aws",
};

const allow = (parts: Partial<TrustStatement> = {}): TrustStatement => ({
  effect: "Allow",
  principals: ["*"],
  actions: ["sts:assumerole"],
  conditions: [],
  ...parts,
});

const ask = (
  statements: readonly TrustStatement[],
  context: Record<string, string> = {},
  action: StsAction = "sts:AssumeRole",
) => askTrust(statements, { caller, action, context: new Map(Object.entries(context)) });

test("a principal is the caller itself, its account, or somebody else", () => {
  for (const [principal, verdict] of [
    ["*", "to-caller"],
    [caller.principalArn, "to-caller"],
    [caller.arn, "to-caller"],
    ["111122223333", "to-account"],
    ["arn:aws:iam::111122223333:root", "to-account"],
    ["arn:aws-cn:iam::111122223333:root", "not-allowed"],
    ["arn:aws:iam::111122223333:role/host", "not-allowed"],
    ["arn:aws:iam::444455556666:root", "not-allowed"],
    ["444455556666", "not-allowed"],
    ["arn:aws:sts::111122223333:assumed-role/host/i-2", "not-allowed"],
  ] as const) {
    assert.equal(ask([allow({ principals: [principal] })]), verdict, principal);
  }
});

test("an action fits by wildcard and knows no case", () => {
  for (const [action, verdict] of [
    ["sts:assumerole", "to-caller"],
    ["sts:*", "to-caller"],
    ["*", "to-caller"],
    ["sts:assume*", "to-caller"],
    ["sts:assumerol?", "to-caller"],
    ["sts:tagsession", "not-allowed"],
  ] as const) {
    assert.equal(ask([allow({ actions: [action] })]), verdict, action);
  }
  assert.equal(ask([allow()], {}, "sts:SetSourceIdentity"), "not-allowed");
});

test("a Deny beats every Allow, wherever it stands, and only when it applies", () => {
  const deny = allow({ effect: "Deny", principals: ["111122223333"] });
  assert.equal(ask([allow(), deny]), "denied");
  assert.equal(ask([deny, allow()]), "denied");
  assert.equal(ask([allow(), { ...deny, principals: ["444455556666"] }]), "to-caller");
  assert.equal(ask([]), "not-allowed");
});

const conditional = (operator: ConditionOperator, values: readonly string[], ifExists = false) =>
  allow({ conditions: [{ operator, ifExists, key: "sts:externalid", values }] });

test("each condition operator compares as IAM says, an absent key included", () => {
  for (const [operator, values, actual, holds] of [
    ["StringEquals", ["a", "b"], "b", true],
    ["StringEquals", ["a*"], "ab", false],
    ["StringEquals", ["a"], undefined, false],
    ["StringNotEquals", ["a", "b"], "c", true],
    ["StringNotEquals", ["a", "b"], "b", false],
    ["StringNotEquals", ["a"], undefined, true],
    ["StringEqualsIgnoreCase", ["ABC"], "abc", true],
    ["StringNotEqualsIgnoreCase", ["ABC"], "abc", false],
    ["StringLike", ["a*"], "abc", true],
    ["StringLike", ["A*"], "abc", false],
    ["StringNotLike", ["a*"], "abc", false],
    ["StringNotLike", ["a*"], "xyz", true],
    ["ArnLike", ["arn:*:x"], "arn:1:x", true],
    ["ArnEquals", ["arn:*:x"], "arn:1:y", false],
    ["ArnNotLike", ["arn:*"], "arn:1", false],
    ["ArnNotEquals", ["arn:*"], "else", true],
  ] as const) {
    const verdict = ask([conditional(operator, values)], actual === undefined ? {} : { "sts:externalid": actual });
    assert.equal(verdict, holds ? "to-caller" : "not-allowed", `${operator} ${values} against ${actual}`);
  }
});

test("IfExists lets an absent key pass and still checks one that is there", () => {
  assert.equal(ask([conditional("StringEquals", ["a"], true)]), "to-caller");
  assert.equal(ask([conditional("StringEquals", ["a"], true)], { "sts:externalid": "b" }), "not-allowed");
});

test("all conditions of a statement must hold", () => {
  const both = allow({
    conditions: [
      { operator: "StringEquals", ifExists: false, key: "sts:externalid", values: ["x"] },
      { operator: "StringLike", ifExists: false, key: "sts:rolesessionname", values: ["web-*"] },
    ],
  });
  assert.equal(ask([both], { "sts:externalid": "x", "sts:rolesessionname": "web-1" }), "to-caller");
  assert.equal(ask([both], { "sts:externalid": "x", "sts:rolesessionname": "db-1" }), "not-allowed");
});

test("operators are known by their exact names", () => {
  assert.ok(conditionOperators().every(isConditionOperator));
  assert.equal(isConditionOperator("stringequals"), false);
  assert.equal(isConditionOperator("constructor"), false);
});
