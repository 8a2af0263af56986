import assert from "node:assert/strict";
import { test } from "node:test";
import { readAssumeRole } from "../../src/mock-ec2/assume-role-request.ts";
import { isStsError } from "../../src/mock-ec2/sts-error.ts";

const ROLE = "arn:aws:iam::111122223333:role/web";
const read = (form: Readonly<Record<string, string>>) =>
  readAssumeRole(new URLSearchParams({ RoleArn: ROLE, RoleSessionName: "web-1", ...form }));
const errorOf = (form: Readonly<Record<string, string>>) => {
  const outcome = read(form);
  return isStsError(outcome) ? outcome : undefined;
};
const members = (list: string, values: readonly string[], suffix = "") =>
  Object.fromEntries(values.map((value, at) => [`${list}.member.${at + 1}${suffix}`, value]));
const tags = (given: Readonly<Record<string, string>>) => ({
  ...members("Tags", Object.keys(given), ".Key"),
  ...members("Tags", Object.values(given), ".Value"),
});

test("a plain request has AWS's defaults", () => {
  assert.deepEqual(read({}), {
    roleArn: ROLE,
    sessionName: "web-1",
    durationSeconds: 3600,
    externalId: undefined,
    sourceIdentity: undefined,
    policyArns: [],
    tags: {},
    transitiveTagKeys: [],
  });
});

test("lists are read in the order of their numbers", () => {
  const request = read({
    "PolicyArns.member.10.arn": "arn:aws:iam::aws:policy/ReadOnlyAccess",
    "PolicyArns.member.2.arn": "arn:aws:iam::aws:policy/Second",
    ...tags({ Team: "red", "cost center": "7 + 8" }),
    ...members("TransitiveTagKeys", ["Team"]),
  });
  assert.ok(!isStsError(request));
  assert.deepEqual(request.policyArns, ["arn:aws:iam::aws:policy/Second", "arn:aws:iam::aws:policy/ReadOnlyAccess"]);
  assert.deepEqual(request.tags, { Team: "red", "cost center": "7 + 8" });
  assert.deepEqual(request.transitiveTagKeys, ["Team"]);
  assert.ok((request.packedPolicyPercent ?? 0) > 0);
});

test("each parameter is held to its limits", () => {
  for (const [form, complaint] of [
    [
      { RoleArn: "arn:aws:iam::1:role" },
      "'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20",
    ],
    [{ RoleArn: `${ROLE}${"x".repeat(2048)}` }, "less than or equal to 2048"],
    [
      { RoleSessionName: "a" },
      "'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2",
    ],
    [{ RoleSessionName: "s".repeat(65) }, "length less than or equal to 64"],
    [
      { RoleSessionName: "a:b" },
      "Value 'a:b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*",
    ],
    [{ RoleSessionName: "naïve" }, "'roleSessionName'"],
    [{ RoleSessionName: "ab\n" }, "'roleSessionName'"],
    [
      { DurationSeconds: "899" },
      "Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
    ],
    [{ DurationSeconds: "43201" }, "Member must have value less than or equal to 43200"],
    [{ DurationSeconds: "1h" }, "'durationSeconds'"],
    [{ DurationSeconds: "" }, "'durationSeconds'"],
    [{ ExternalId: "x" }, "'externalId'"],
    [{ ExternalId: "x y" }, "Member must satisfy regular expression pattern: [\\w+=,.@:\\/-]*"],
    [{ ExternalId: "x".repeat(1225) }, "less than or equal to 1224"],
    [{ SourceIdentity: "a" }, "'sourceIdentity'"],
    [{ Policy: "" }, "'policy'"],
    [{ Policy: "x".repeat(2049) }, "less than or equal to 2048"],
    [{ Policy: "€" }, "'policy'"],
    [
      members("PolicyArns", Array(11).fill("arn:aws:iam::aws:policy/x"), ".arn"),
      "'policyArns' failed to satisfy constraint: Member must have length less than or equal to 10",
    ],
    [members("PolicyArns", ["short"], ".arn"), "'policyArns.1.member.arn'"],
    [
      tags(Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`k${n}`, "v"]))),
      "'tags' failed to satisfy constraint: Member must have length less than or equal to 50",
    ],
    [
      tags({ "": "v" }),
      "'tags.1.member.key' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
    [tags({ ["k".repeat(129)]: "v" }), "less than or equal to 128"],
    [tags({ k: "v".repeat(257) }), "'tags.1.member.value'"],
    [tags({ "k!": "v" }), "'tags.1.member.key'"],
    [members("TransitiveTagKeys", Array(51).fill("k")), "'transitiveTagKeys'"],
  ] as const) {
    const error = errorOf(form);
    assert.deepEqual([error?.code, error?.status], ["ValidationError", 400], complaint);
    assert.ok(error?.message.includes(complaint), error?.message);
  }
});

test("the limits themselves are allowed", () => {
  for (const form of [
    { RoleSessionName: "ab", DurationSeconds: "900", ExternalId: "xy", SourceIdentity: "ab" },
    { RoleSessionName: "s".repeat(64), DurationSeconds: "43200", ExternalId: "x/:@".repeat(306) },
    tags({ ["k".repeat(128)]: "v".repeat(256), "ключ .:/=+-@": "" }),
  ]) {
    assert.equal(errorOf(form), undefined);
  }
});

test("several complaints are counted and told together; what is not sent is null", () => {
  const error = readAssumeRole(new URLSearchParams({ RoleArn: ROLE, DurationSeconds: "1" }));
  assert.ok(isStsError(error));
  assert.equal(
    error.message,
    "2 validation errors detected: Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null; " +
      "Value '1' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
  );
});

test("tag keys that differ by case alone are one key twice", () => {
  assert.equal(
    errorOf(tags({ team: "a", TEAM: "b" }))?.message,
    "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
  );
});

test("a source identity may not pose as AWS's own", () => {
  assert.match(errorOf({ SourceIdentity: "aws:x" })?.message ?? "", /'sourceIdentity'.*regular expression/);
});

test("a session policy must be one, and must fit when packed", () => {
  assert.equal(errorOf({ Policy: "{}" })?.code, "MalformedPolicyDocument");
  const policy = JSON.stringify({ Statement: { Effect: "Allow", Action: "s3:*", Resource: "*" } });
  const request = read({ Policy: policy });
  assert.ok(!isStsError(request));
  assert.equal(request.packedPolicyPercent, Math.ceil(policy.length / 20.48));
  const arns = Array.from({ length: 10 }, (_, n) => `arn:aws:iam::111122223333:policy/${String(n).repeat(200)}`);
  const error = errorOf({ Policy: policy, ...members("PolicyArns", arns, ".arn") });
  assert.deepEqual([error?.code, error?.status], ["PackedPolicyTooLarge", 400]);
  assert.match(error?.message ?? "", /^Packed policy consumes 1\d\d% of allotted space/);
});
