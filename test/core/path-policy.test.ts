import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ALLOWED_ENTRIES, NEVER_ENTRIES } from "../../src/core/allowed-paths.ts";
import { parsePathPattern } from "../../src/core/path-pattern.ts";
import { neverShown, parsePathList, pathPolicy, verdictOn } from "../../src/core/path-policy.ts";

const pattern = (text: string) => {
  const parsed = parsePathPattern(text);
  if ("kind" in parsed) throw new Error(parsed.reason);
  return parsed;
};

interface Words {
  readonly allow?: string;
  readonly deny?: string;
  readonly only?: string;
}

/** The verdict under a policy whose lists are written with blanks between. */
function kind(path: string, { allow = "", deny = "", only }: Words = {}) {
  const patterns = (list: string) => list.split(" ").filter(Boolean).map(pattern);
  const policy = pathPolicy({ allow: allow.split(" ").filter(Boolean), deny: deny.split(" ").filter(Boolean) });
  return verdictOn({ ...policy, ...(only !== undefined && { only: patterns(only) }) }, path.split("/").filter(Boolean))
    .kind;
}

/** Each would hand over the host's role, its identity, or a way to become it. */
const NEVER = [
  "meta-data/iam",
  "meta-data/iam/info",
  "meta-data/iam/security-credentials",
  "meta-data/iam/security-credentials/host",
  "meta-data/iam/security-credentials-extended/host",
  "meta-data/identity-credentials",
  "meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
  "meta-data/managed-ssh-keys/signer-cert",
  "dynamic/instance-identity/pkcs7",
  "dynamic/instance-identity/rsa2048",
  "dynamic/instance-identity/dsa2048",
  "dynamic/instance-identity/signature",
];

/** Nobody's business unless the operator says so. */
const BLOCKED = [
  "meta-data/public-keys/0/openssh-key",
  "meta-data/tags/instance/Name",
  "meta-data/network/interfaces/macs",
  "meta-data/security-groups",
  "user-data",
  "spot",
  "api/token",
  "META-DATA/instance-id",
  "meta-data/placementx",
  "meta-data/instance-id/x",
  "meta-data/something-new",
];

describe("what of the host's metadata is shown", () => {
  for (const path of NEVER) {
    it(`${path} never, whatever is opened`, () => {
      assert.equal(kind(path), "never");
      assert.equal(kind(path, { allow: "meta-data dynamic meta-data/* dynamic/*/*" }), "never");
      assert.equal(kind(path, { only: path.split("/").slice(0, 2).join("/") }), "never");
    });
  }

  for (const path of BLOCKED) it(`${path} not of itself`, () => assert.equal(kind(path), "blocked"));

  it("documents, whole trees, and the directories on the way to them", () => {
    assert.equal(kind("meta-data/instance-id"), "document");
    assert.equal(kind("meta-data/placement"), "document");
    assert.equal(kind("meta-data/placement/region"), "document");
    assert.equal(kind("meta-data"), "directory");
    assert.equal(kind("dynamic/instance-identity"), "directory");
    assert.equal(kind(""), "directory");
  });

  it("more where the operator opens it, in whole trees, with * for one segment", () => {
    assert.equal(kind("user-data", { allow: "user-data" }), "document");
    assert.equal(kind("meta-data/tags/instance/Name", { allow: "meta-data/tags" }), "document");
    const macs = { allow: "meta-data/network/interfaces/macs/*/vpc-id" };
    assert.equal(kind("meta-data/network/interfaces/macs/02:01/vpc-id", macs), "document");
    assert.equal(kind("meta-data/network/interfaces/macs/02:01", macs), "directory");
    assert.equal(kind("meta-data/network/interfaces/macs/02:01/subnet-id", macs), "blocked");
  });

  it("less where the operator closes it, and closing beats opening", () => {
    assert.equal(kind("meta-data/instance-id", { deny: "meta-data/instance-id" }), "blocked");
    assert.equal(kind("meta-data/placement/region", { deny: "meta-data/placement" }), "blocked");
    assert.equal(kind("meta-data/placement", { deny: "meta-data/placement/region" }), "directory");
    assert.equal(kind("meta-data/placement/region", { deny: "meta-data/placement/region" }), "blocked");
    assert.equal(kind("user-data", { allow: "user-data", deny: "user-data" }), "blocked");
  });

  it("only what the workload left itself, and never more than the operator opened", () => {
    assert.equal(kind("meta-data/placement/region", { only: "meta-data/placement/region" }), "document");
    assert.equal(kind("meta-data/placement", { only: "meta-data/placement/region" }), "directory");
    assert.equal(kind("meta-data/instance-id", { only: "meta-data/placement" }), "blocked");
    assert.equal(kind("user-data", { only: "user-data" }), "blocked");
    assert.equal(kind("meta-data", { only: "" }), "blocked");
  });

  it("has a reason beside each entry, and no entry twice", () => {
    const entries = [...ALLOWED_ENTRIES, ...NEVER_ENTRIES];
    for (const { because } of entries) assert.ok(because.length > 10);
    assert.equal(new Set(entries.map(({ segments }) => segments.join("/"))).size, entries.length);
  });
});

describe("a path that an operator or a workload writes", () => {
  it("may have slashes at its ends", () => {
    assert.deepEqual(pattern("/meta-data/tags/"), pattern("meta-data/tags"));
  });

  for (const [text, reason] of [
    ["", /empty segment/],
    ["meta-data//tags", /empty segment/],
    ["meta-data/../user-data", /no segment "\.\."/],
    ["meta-data/%69am", /no segment "%69am"/],
    ["latest/meta-data/ami-id", /without a version/],
    ["placement/region", /begins with dynamic, meta-data, user-data/],
    ["*/iam", /begins with/],
    ["meta-data/a b", /no segment "a b"/],
  ] as const) {
    it(`is none when it reads ${JSON.stringify(text)}`, () => {
      const parsed = parsePathPattern(text);
      assert.ok("kind" in parsed);
      assert.match(parsed.reason, reason);
    });
  }

  it("can never open a never-entry or something below it; above it, it opens the rest", () => {
    for (const path of NEVER) assert.ok(neverShown(pattern(path).segments), path);
    assert.equal(neverShown(pattern("meta-data").segments), undefined);
    assert.equal(neverShown(pattern("user-data").segments), undefined);
  });

  it("comes in lists with commas or white space between, and none is a word of its own", () => {
    assert.deepEqual(parsePathList("none"), []);
    assert.deepEqual(parsePathList("meta-data/placement, dynamic"), [
      pattern("meta-data/placement"),
      pattern("dynamic"),
    ]);
    for (const text of ["", " , ", "none, dynamic", "meta-data,nonsense"])
      assert.ok("kind" in parsePathList(text), text);
  });
});
