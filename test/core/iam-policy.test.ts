import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { accountOf, type GrantableRoles, permissionPolicy, trustPolicy } from "../../src/core/iam-policy.ts";

const HOST = "arn:aws:iam::111122223333:role/host";
const RED = "arn:aws:iam::111122223333:role/red/*";
const BASE = "arn:aws:iam::111122223333:role/red/base";
const PARTNER = "arn:aws:iam::444455556666:role/partner";
const EVERY = "arn:aws:iam::*:role/*";

const rolesOf = (pattern: string, parts: Partial<GrantableRoles> = {}): GrantableRoles => ({
  pattern,
  isTagged: false,
  hasSourceIdentity: false,
  externalIds: [],
  ...parts,
});

describe("the permission policy", () => {
  it("allows the roles, an account a statement, and denies all others", () => {
    assert.deepEqual(permissionPolicy([rolesOf(RED), rolesOf(PARTNER)], []), {
      Version: "2012-10-17",
      Statement: [
        { Effect: "Allow", Action: "sts:AssumeRole", Resource: RED },
        { Effect: "Allow", Action: "sts:AssumeRole", Resource: PARTNER },
        { Effect: "Deny", Action: "sts:AssumeRole", NotResource: [RED, PARTNER] },
      ],
    });
  });

  it("leaves out what a pattern covers, unless it needs more", () => {
    const { Statement } = permissionPolicy([rolesOf(BASE), rolesOf(RED), rolesOf(RED)], []);
    assert.deepEqual(Statement[0], { Effect: "Allow", Action: "sts:AssumeRole", Resource: RED });
    assert.equal(Statement.length, 2);
    const tagged = permissionPolicy([rolesOf(BASE, { isTagged: true }), rolesOf(RED)], []).Statement;
    assert.deepEqual(tagged.slice(0, 2), [
      { Effect: "Allow", Action: ["sts:AssumeRole", "sts:TagSession"], Resource: BASE },
      { Effect: "Allow", Action: "sts:AssumeRole", Resource: RED },
    ]);
  });

  it("of two patterns that cover each other keeps one", () => {
    const { Statement } = permissionPolicy([rolesOf(RED), rolesOf(`${RED}*`)], []);
    assert.deepEqual(Statement[0], { Effect: "Allow", Action: "sts:AssumeRole", Resource: RED });
  });

  it("denies what is denied", () => {
    const { Statement } = permissionPolicy([rolesOf(RED, { hasSourceIdentity: true })], [BASE]);
    assert.deepEqual(Statement, [
      { Effect: "Allow", Action: ["sts:AssumeRole", "sts:SetSourceIdentity"], Resource: RED },
      { Effect: "Deny", Action: "sts:AssumeRole", Resource: BASE },
      { Effect: "Deny", Action: "sts:AssumeRole", NotResource: RED },
    ]);
  });

  it("for every role has no others to deny, and for none denies all", () => {
    assert.deepEqual(permissionPolicy([rolesOf(EVERY)], []).Statement, [
      { Effect: "Allow", Action: "sts:AssumeRole", Resource: EVERY },
    ]);
    assert.deepEqual(permissionPolicy([], []).Statement, [{ Effect: "Deny", Action: "sts:AssumeRole", Resource: "*" }]);
  });
});

describe("a trust policy", () => {
  it("names the host's role alone", () => {
    assert.deepEqual(trustPolicy(HOST, rolesOf(BASE)), {
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: { AWS: HOST }, Action: "sts:AssumeRole" }],
    });
  });

  it("demands the external ids where each session carries one, of the role and not of its tags", () => {
    const extras = rolesOf(BASE, { isTagged: true, hasSourceIdentity: true, externalIds: ["one", "two"] });
    assert.deepEqual(trustPolicy(HOST, extras).Statement, [
      {
        Effect: "Allow",
        Principal: { AWS: HOST },
        Action: "sts:AssumeRole",
        Condition: { StringEquals: { "sts:ExternalId": ["one", "two"] } },
      },
      { Effect: "Allow", Principal: { AWS: HOST }, Action: ["sts:TagSession", "sts:SetSourceIdentity"] },
    ]);
  });
});

it("the account of a pattern is its digits, or any", () => {
  assert.deepEqual([RED, EVERY, "*"].map(accountOf), ["111122223333", "*", "*"]);
});
