import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ALLOWED_ENTRIES, allowanceOf } from "../../src/core/allowed-paths.ts";

const kind = (path: string) => allowanceOf(path === "" ? [] : path.split("/"))?.kind;

/** Each would hand over the host's role, its identity, its secrets or a way to become it. */
const NEVER = [
  "meta-data/iam",
  "meta-data/iam/info",
  "meta-data/iam/security-credentials",
  "meta-data/iam/security-credentials/host",
  "meta-data/iam/security-credentials-extended/host",
  "meta-data/identity-credentials",
  "meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
  "meta-data/managed-ssh-keys/signer-cert",
  "meta-data/public-keys/0/openssh-key",
  "meta-data/tags/instance/Name",
  "meta-data/network/interfaces/macs",
  "user-data",
  "dynamic/instance-identity/pkcs7",
  "dynamic/instance-identity/rsa2048",
  "dynamic/instance-identity/signature",
  "spot",
  "api/token",
  "META-DATA/instance-id",
];

describe("allowanceOf", () => {
  for (const path of NEVER) it(`does not know ${path}`, () => assert.equal(kind(path), undefined));

  it("gives documents, whole trees, and the directories on the way to them", () => {
    assert.equal(kind("meta-data/instance-id"), "document");
    assert.equal(kind("meta-data/placement"), "document");
    assert.equal(kind("meta-data/placement/region"), "document");
    assert.equal(kind("meta-data/placementx"), undefined);
    assert.equal(kind("meta-data/instance-id/x"), undefined);
    assert.equal(kind("meta-data"), "directory");
    assert.equal(kind("dynamic/instance-identity"), "directory");
  });

  it("shows in a directory only the way to what is allowed", () => {
    const shown = (path: string[]) => {
      const allowance = allowanceOf(path);
      return allowance?.kind === "directory" ? [...allowance.children] : undefined;
    };
    assert.deepEqual(shown([]), ["dynamic", "meta-data"]);
    assert.deepEqual(shown(["dynamic", "instance-identity"]), ["document"]);
    assert.ok(!shown(["meta-data"])?.includes("iam"));
  });

  it("has a reason beside each entry, and no entry twice", () => {
    for (const { because } of ALLOWED_ENTRIES) assert.ok(because.length > 10);
    assert.equal(new Set(ALLOWED_ENTRIES.map(({ path }) => path)).size, ALLOWED_ENTRIES.length);
  });
});
