import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { openWorld } from "../../src/mock-ec2/world.ts";
import { parseWorld } from "../../src/mock-ec2/world-file.ts";

const mistakesOf = (text: string): readonly string[] => {
  const parsed = parseWorld(text, "f.yaml");
  return "mistakes" in parsed ? parsed.mistakes : [];
};

test("an empty file is the open world", () => {
  assert.deepEqual(parseWorld("", "f.yaml"), openWorld());
  assert.deepEqual(parseWorld("# nothing\n", "f.yaml"), openWorld());
});

test("the example is read whole", () => {
  const file = new URL("../../examples/mock-ec2.yaml", import.meta.url);
  const world = parseWorld(readFileSync(file, "utf8"), "examples/mock-ec2.yaml");
  assert.ok(!("mistakes" in world), JSON.stringify(world));
  assert.equal(world.instance.role, "ci/build-host");
  assert.equal(world.instance.instanceProfile, "build-host");
  assert.deepEqual(
    world.roles?.map(({ arn, maxSessionSeconds }) => [arn, maxSessionSeconds]),
    [
      ["arn:aws:iam::111122223333:role/containers/web", 3600],
      ["arn:aws:iam::444455556666:role/partner", 7200],
      ["arn:aws:iam::111122223333:role/containers/web-deploy", 3600],
    ],
  );
});

test("JSON, as IAM prints a trust policy, is as good as YAML", () => {
  const trust = {
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }],
  };
  const parsed = parseWorld(JSON.stringify({ roles: [{ arn: "arn:aws:iam::111122223333:role/a", trust }] }), "f.json");
  assert.ok(!("mistakes" in parsed));
  assert.deepEqual(parsed.roles?.[0]?.trust, [
    { effect: "Allow", principals: ["*"], actions: ["sts:assumerole"], conditions: [] },
  ]);
});

test("every mistake is told at once, in the order of the lines, with its place and its remedy", () => {
  const text = `instance:
  accountId: 111122223333
  regoin: eu-central-1
  availabilityZone: eu-central-1a
  tags: { a/b: 1 }
roles:
  - arn: nope
    trust:
      Statement:
        Effect: allow
        Principal: { AWS: "arn:aws:iam::111122223333:role/*" }
        Action: s3:GetObject
        Condition: { StringEqual: { "sts:ExternalId": [7] } }
    maxSessionSeconds: 60
  - arn: arn:aws:iam::111122223333:role/a
    trust: 7
  - arn: arn:aws:iam::111122223333:role/a
hostMayAssume: "*"
users: [{ arn: arn:aws:iam::111122223333:user/u, accessKeyId: AKIA, secretAccessKey: short }]
`;
  assert.deepEqual(mistakesOf(text), [
    "f.yaml:2: instance.accountId must be a text: put it in quotes",
    "f.yaml:3: instance.regoin is not known here: check its spelling, or take it out",
    "f.yaml:4: instance.availabilityZone must be a zone of the region us-east-1, e.g. us-east-1a",
    "f.yaml:5: instance.tags.a/b must be a text: put it in quotes",
    "f.yaml:5: instance.tags.a/b must be a tag key the metadata service can show: letters, digits and _+-=.,@: only, and not ., .. or _index",
    'f.yaml:7: roles[0].arn "nope" is no role ARN: write arn:aws:iam::TWELVE-DIGITS:role/[PATH/]NAME',
    'f.yaml:10: roles[0].trust.Statement.Effect must be "Allow" or "Deny"',
    'f.yaml:11: roles[0].trust.Statement.Principal.AWS "arn:aws:iam::111122223333:role/*" is no principal: write "*", twelve digits, or the ARN of a root, role, user or assumed-role session, without wildcards (a Condition on aws:PrincipalArn with ArnLike takes them)',
    'f.yaml:12: roles[0].trust.Statement.Action "s3:GetObject" is no action of STS: write "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity" or "sts:*"',
    "f.yaml:13: roles[0].trust.Statement.Condition.StringEqual.sts:ExternalId[0] must be a text (put it in quotes)",
    "f.yaml:13: roles[0].trust.Statement.Condition.StringEqual must be a condition operator the mock knows: StringEquals, StringNotEquals, StringEqualsIgnoreCase, StringNotEqualsIgnoreCase, StringLike, StringNotLike, ArnEquals, ArnNotEquals, ArnLike, ArnNotLike, each also with IfExists",
    "f.yaml:14: roles[0].maxSessionSeconds must be at least 3600",
    "f.yaml:16: roles[1].trust must be an object with keys",
    "f.yaml:17: roles[2].trust is missing",
    "f.yaml:17: roles[2].arn was already given above: keep one of them",
    "f.yaml:18: hostMayAssume must be a list",
    "f.yaml:19: users[0].accessKeyId must be AKIA and 16 of A-Z and 2-7",
    "f.yaml:19: users[0].secretAccessKey must have at least 16 characters",
  ]);
});

test("the host's permission policy is read as IAM prints it, and stands alone", () => {
  const hostPermissionPolicy = { Statement: { Effect: "Allow", Action: "sts:AssumeRole", Resource: "*" } };
  const world = parseWorld(JSON.stringify({ hostPermissionPolicy }), "f.json");
  assert.ok(!("mistakes" in world));
  assert.deepEqual(world.hostPermissionPolicy, [
    { effect: "Allow", actions: ["sts:assumerole"], resources: { kind: "these", patterns: ["*"] } },
  ]);
  assert.deepEqual(mistakesOf(JSON.stringify({ hostMayAssume: ["*"], hostPermissionPolicy })), [
    "f.yaml:1: hostPermissionPolicy stands beside hostMayAssume, which says the same in short: keep one of them",
  ]);
  const both = { Statement: { ...hostPermissionPolicy.Statement, NotResource: "*" } };
  assert.deepEqual(mistakesOf(JSON.stringify({ hostPermissionPolicy: both })), [
    "f.yaml:1: hostPermissionPolicy.Statement must have either Resource or NotResource",
  ]);
});

test("text that is no YAML, or no object, is a mistake with its line", () => {
  assert.match(mistakesOf("a: b: c")[0] ?? "", /^f\.yaml:1: Nested mappings/);
  assert.deepEqual(mistakesOf("7"), ["f.yaml:1: the file must be an object with keys"]);
  assert.match(mistakesOf("a: *nowhere")[0] ?? "", /^f\.yaml: Unresolved alias/);
});
