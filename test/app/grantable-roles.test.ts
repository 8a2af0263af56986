import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConfig } from "../../src/app/config.ts";
import { type Grantable, type GrantableOf, grantableRoles } from "../../src/app/grantable-roles.ts";

const HOME = { partition: "aws", accountId: "111122223333" };
const IN_HOME = "arn:aws:iam::111122223333:role/";

function grantable(flags: Readonly<Record<string, unknown>>, parts: Partial<GrantableOf> = {}): Grantable {
  const config = loadConfig({ file: "/dev/null", environment: {}, flags });
  return grantableRoles({
    ...{ config, entries: [], home: HOME, labels: { isTagged: false, hasSourceIdentity: false } },
    ...parts,
  });
}

const patterns = (of: Grantable): readonly string[] => of.roles.map(({ pattern }) => pattern);

describe("which roles a configuration can grant", () => {
  it("without rules every one, whatever else is named, and it says so", () => {
    const all = grantable({ defaultRole: "base" });
    assert.deepEqual(patterns(all), ["arn:aws:iam::*:role/*", `${IN_HOME}base`]);
    assert.match(all.warnings.join(), /^there are no roleRules, so every container may ask for every role/);
  });

  it("with rules what they allow, and the default roles that they let somebody have", () => {
    const roleRules = [
      { match: { name: "a" }, allow: [`${IN_HOME}a/*`], defaultRole: "a/base" },
      { match: { name: "b" }, allow: [`${IN_HOME}b/*`], defaultRole: "c/base" },
    ];
    const { roles, warnings } = grantable({ roleRules, defaultRole: "b/x" });
    assert.deepEqual(
      roles.map(({ pattern }) => pattern),
      [`${IN_HOME}a/*`, `${IN_HOME}b/*`, `${IN_HOME}a/base`, `${IN_HOME}b/x`],
    );
    assert.deepEqual(warnings, []);
    assert.deepEqual(patterns(grantable({ roleRules, defaultRole: "elsewhere" })).length, 3);
  });

  it("completes a role with its account: the home's, digits, or a name of accounts", () => {
    const rule = { match: {}, allow: ["arn:aws:iam::*:role/*"], defaultRole: "team/x@prod" };
    const { roles } = grantable({ roleRules: [rule], accounts: { prod: "444455556666" } });
    assert.equal(roles[1]?.pattern, "arn:aws:iam::444455556666:role/team/x");
    const gov = { partition: "aws-us-gov", accountId: "999999999999" };
    const named = grantable({ defaultRole: "x" }, { home: gov });
    assert.equal(named.roles[1]?.pattern, "arn:aws-us-gov:iam::999999999999:role/x");
    const entries = [{ address: "10.0.0.1", role: "x@staging" }];
    assert.equal(grantable({}, { entries }).roles.length, 1, "there is no account of this name: nobody can have it");
  });

  it("counts the role map's, with their external ids where nobody comes without one", () => {
    const entries = [
      { address: "10.0.0.1", role: "vm", externalId: "one", sourceIdentity: "vm-1" },
      { address: "10.0.0.2", role: "vm", externalId: "two", sessionTags: { kind: "vm" } },
      { address: "10.0.0.3", role: "both", externalId: "three" },
      { address: "10.0.0.4", role: "both" },
    ];
    const { roles } = grantable({}, { entries });
    assert.deepEqual(roles.slice(1), [
      { pattern: `${IN_HOME}vm`, isTagged: true, hasSourceIdentity: true, externalIds: ["one", "two"] },
      { pattern: `${IN_HOME}both`, isTagged: false, hasSourceIdentity: false, externalIds: [] },
    ]);
    const roleRules = [{ match: { name: "10.*" }, allow: [`${IN_HOME}vm`], sessionTags: { by: "rule" } }];
    const ruled = grantable({ roleRules }, { entries: entries.slice(0, 1) });
    assert.deepEqual(ruled.roles, [
      { pattern: `${IN_HOME}vm`, isTagged: true, hasSourceIdentity: true, externalIds: [] },
    ]);
    assert.deepEqual(grantable({ roleRules }, { entries: entries.slice(2) }).roles.length, 1);
  });

  it("tells tagged sessions from untagged: of all, of a rule, of containers' own labels", () => {
    const rule = { match: {}, allow: [`${IN_HOME}a`] };
    const isTagged = (flags: object, parts: Partial<GrantableOf> = {}) => {
      const [first] = grantable({ roleRules: [rule], ...flags }, parts).roles;
      return first?.isTagged;
    };
    assert.equal(isTagged({}), false);
    assert.equal(isTagged({ sessionTags: { host: "{host}" } }), true);
    assert.equal(isTagged({ roleRules: [{ ...rule, sessionTags: { team: "red" } }] }), true);
    assert.equal(isTagged({}, { labels: { isTagged: true, hasSourceIdentity: false } }), true);
  });
});

describe("what a policy of IAM cannot say", () => {
  it("a pattern that is no whole ARN: every role stands for it, and it says which", () => {
    const { roles, warnings } = grantable({ roleRules: [{ match: {}, allow: ["*:role/red/*"] }] });
    assert.equal(roles[0]?.pattern, "arn:aws:iam::*:role/*");
    assert.match(warnings.join(), /^rule 1 of roleRules allows \*:role\/red\/\*, which no policy of IAM can say/);
  });

  it("a partition's wildcard becomes the host's, and another partition's roles are left out", () => {
    const allow = ["arn:aws*:iam::*:role/red/*", "arn:aws-cn:iam::*:role/x"];
    const { roles, warnings } = grantable({ roleRules: [{ match: {}, allow }] });
    assert.deepEqual(
      roles.map(({ pattern }) => pattern),
      ["arn:aws:iam::*:role/red/*"],
    );
    assert.match(warnings.join(), /aws-cn:iam::\*:role\/x, which is no role of the host's partition/);
  });
});

describe("what rules deny", () => {
  const red = { match: { name: "red" }, allow: [`${IN_HOME}red/*`], deny: [`${IN_HOME}red/admin`] };

  it("is denied to the host where no other rule allows any of it", () => {
    assert.deepEqual(grantable({ roleRules: [red] }).denied, [`${IN_HOME}red/admin`]);
    const admins = { match: { name: "admin" }, allow: [`${IN_HOME}*/admin`] };
    assert.deepEqual(grantable({ roleRules: [red, admins] }).denied, []);
    assert.deepEqual(grantable({ roleRules: [red, { ...admins, deny: [`${IN_HOME}red/*`] }] }).denied, [
      `${IN_HOME}red/admin`,
    ]);
  });

  it("is left out where it is none of what is allowed, or could only be said by denying more", () => {
    assert.deepEqual(grantable({ roleRules: [{ ...red, deny: [`${IN_HOME}blue/*`] }] }).denied, []);
    assert.deepEqual(grantable({ roleRules: [{ ...red, deny: ["*admin*"] }] }).denied, []);
  });

  it("takes from what is allowed all that it covers", () => {
    const { roles } = grantable({ roleRules: [{ ...red, allow: [`${IN_HOME}red/admin`, `${IN_HOME}red/x`] }] });
    assert.deepEqual(
      roles.map(({ pattern }) => pattern),
      [`${IN_HOME}red/x`],
    );
  });
});
