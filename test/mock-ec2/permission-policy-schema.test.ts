import assert from "node:assert/strict";
import { test } from "node:test";
import { permissionPolicySchema } from "../../src/mock-ec2/permission-policy-schema.ts";

const parse = (policy: unknown) => permissionPolicySchema.safeParse(policy);
const statement = { Effect: "Allow", Action: "sts:AssumeRole", Resource: "*" };

test("single values and lists read alike, and case is settled", () => {
  const others = { Effect: "Deny", Action: ["sts:AssumeRole", "ssm:*"], NotResource: ["arn:aws:iam::*:role/a/*"] };
  assert.deepEqual(parse({ Version: "2012-10-17", Statement: [{ Sid: "one", ...statement }, others] }).data, [
    { effect: "Allow", actions: ["sts:assumerole"], resources: { kind: "these", patterns: ["*"] } },
    {
      effect: "Deny",
      actions: ["sts:assumerole", "ssm:*"],
      resources: { kind: "others", patterns: ["arn:aws:iam::*:role/a/*"] },
    },
  ]);
  assert.equal(parse({ Statement: statement }).success, true);
});

test("what could not be judged is refused", () => {
  for (const [because, wrong] of [
    ["a principal", { ...statement, Principal: "*" }],
    ["a condition", { ...statement, Condition: { StringEquals: { "aws:RequestedRegion": "eu-west-1" } } }],
    ["NotAction", { Effect: "Allow", NotAction: "sts:AssumeRole", Resource: "*" }],
    ["no resource", { Effect: "Allow", Action: "sts:AssumeRole" }],
    ["both kinds of resource", { ...statement, NotResource: "*" }],
    ["a role's name for a resource", { ...statement, Resource: "containers/*" }],
    ["no action of a service", { ...statement, Action: "AssumeRole" }],
    ["an effect in another case", { ...statement, Effect: "allow" }],
    ["an empty list of actions", { ...statement, Action: [] }],
  ] as const)
    assert.equal(parse({ Statement: [wrong] }).success, false, because);
  assert.equal(parse({ Statement: [] }).success, false);
  assert.equal(parse({ Version: "2012", Statement: [statement] }).success, false);
});
