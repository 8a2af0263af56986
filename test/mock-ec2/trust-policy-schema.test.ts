import assert from "node:assert/strict";
import { test } from "node:test";
import { trustPolicySchema } from "../../src/mock-ec2/trust-policy-schema.ts";

const parse = (policy: unknown) => trustPolicySchema.safeParse(policy);
const statement = { Effect: "Allow", Principal: "*", Action: "sts:AssumeRole" };

test("single values and lists read alike, and case is settled", () => {
  const policy = {
    Version: "2012-10-17",
    Statement: {
      Sid: "one",
      Effect: "Deny",
      Principal: { AWS: ["111122223333", "arn:aws:iam::111122223333:role/a/b"], Service: "ec2.amazonaws.com" },
      Action: ["sts:AssumeRole", "sts:Tag*"],
      Condition: { StringLikeIfExists: { "sts:ExternalId": "a*", "aws:RequestTag/Team": ["red", "blue"] } },
    },
  };
  assert.deepEqual(parse(policy).data, [
    {
      effect: "Deny",
      principals: ["111122223333", "arn:aws:iam::111122223333:role/a/b"],
      actions: ["sts:assumerole", "sts:tag*"],
      conditions: [
        { operator: "StringLike", ifExists: true, key: "sts:externalid", values: ["a*"] },
        { operator: "StringLike", ifExists: true, key: "aws:requesttag/team", values: ["red", "blue"] },
      ],
    },
  ]);
});

test("a statement for services alone matches no caller", () => {
  const onlyService = { Statement: [{ ...statement, Principal: { Service: "ec2.amazonaws.com" } }] };
  assert.deepEqual(parse(onlyService).data?.[0]?.principals, []);
});

test("what could not be judged is refused", () => {
  for (const [because, wrong] of [
    ["NotPrincipal", { Effect: "Allow", NotPrincipal: "*", Action: "sts:AssumeRole" }],
    ["NotAction", { ...statement, NotAction: "sts:AssumeRole" }],
    ["a resource", { ...statement, Resource: "*" }],
    ["an effect in another case", { ...statement, Effect: "allow" }],
    ["another service's action", { ...statement, Action: "s3:GetObject" }],
    ["a principal with a wildcard", { ...statement, Principal: { AWS: "arn:aws:iam::111122223333:role/*" } }],
    ["a number for an account", { ...statement, Principal: { AWS: 111122223333 } }],
    ["an unknown kind of principal", { ...statement, Principal: { CanonicalUser: "x" } }],
    ["an unknown operator", { ...statement, Condition: { StringEqual: { "sts:ExternalId": "x" } } }],
    ["an unknown key", { ...statement, Condition: { StringEquals: { "aws:SourceIp": "10.0.0.0/8" } } }],
    [
      "a policy variable",
      { ...statement, Condition: { StringLike: { "sts:RoleSessionName": "\u0024{aws:username}" } } },
    ],
    ["no principal", { Effect: "Allow", Action: "sts:AssumeRole" }],
    ["an empty list of actions", { ...statement, Action: [] }],
  ] as const) {
    assert.equal(parse({ Statement: [wrong] }).success, false, because);
  }
  assert.equal(parse({ Statement: [] }).success, false);
  assert.equal(parse({ Version: "2012", Statement: [statement] }).success, false);
  assert.equal(parse({ Statement: [statement] }).success, true);
});
