import assert from "node:assert/strict";
import { test } from "node:test";
import { askPermission, type PermissionStatement } from "../../src/mock-ec2/permission-policy.ts";

const CONTAINERS = "arn:aws:iam::*:role/containers/*";
const WEB = "arn:aws:iam::111122223333:role/containers/web";
const ADMIN = "arn:aws:iam::111122223333:role/admin";

const statementOf = (parts: Partial<PermissionStatement> = {}): PermissionStatement => ({
  effect: "Allow",
  actions: ["sts:assumerole"],
  resources: { kind: "these", patterns: [CONTAINERS] },
  ...parts,
});
const onlyThese = statementOf({ effect: "Deny", resources: { kind: "others", patterns: [CONTAINERS] } });

test("an action is allowed on what a statement for it names, and on nothing else", () => {
  const statements = [statementOf()];
  for (const [action, roleArn, verdict] of [
    ["sts:AssumeRole", WEB, "allowed"],
    ["sts:AssumeRole", ADMIN, "not-allowed"],
    ["sts:TagSession", WEB, "not-allowed"],
  ] as const)
    assert.equal(askPermission(statements, { action, roleArn }), verdict, `${action} ${roleArn}`);
  assert.equal(askPermission([], { action: "sts:AssumeRole", roleArn: WEB }), "not-allowed");
});

test("wildcards in actions count, and other services' actions do not", () => {
  const query = { action: "sts:TagSession", roleArn: WEB } as const;
  assert.equal(askPermission([statementOf({ actions: ["sts:*"] })], query), "allowed");
  assert.equal(askPermission([statementOf({ actions: ["s3:*"] })], query), "not-allowed");
});

test("a Deny beats every Allow; of NotResource it covers all but what it names", () => {
  const everything = statementOf({ actions: ["*"], resources: { kind: "these", patterns: ["*"] } });
  const statements = [onlyThese, everything];
  assert.equal(askPermission(statements, { action: "sts:AssumeRole", roleArn: WEB }), "allowed");
  assert.equal(askPermission(statements, { action: "sts:AssumeRole", roleArn: ADMIN }), "denied");
  assert.equal(askPermission(statements, { action: "sts:TagSession", roleArn: ADMIN }), "allowed");
});
