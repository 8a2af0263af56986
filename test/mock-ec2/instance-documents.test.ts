import assert from "node:assert/strict";
import { test } from "node:test";
import { HostCredentials } from "../../src/mock-ec2/host-credentials.ts";
import { instanceDocuments, zoneId } from "../../src/mock-ec2/instance-documents.ts";
import { SessionKeys } from "../../src/mock-ec2/session-keys.ts";
import { instanceFrom } from "../../src/mock-ec2/world.ts";
import { assertGolden } from "./golden.ts";
import { NOON } from "./sts-bench.ts";

const instance = instanceFrom({ role: "fleet/host", region: "eu-central-1" });
const credentials = new HostCredentials({ keys: new SessionKeys("seed"), now: () => NOON, lifetimeMs: 6 * 3_600_000 });
const documents = instanceDocuments({ instance, launchedAt: NOON, credentials });

test("the documents are EC2's, letter for letter", () => {
  assertGolden("instance-identity-document.json", documents.identity());
  assertGolden("iam-info.json", documents.profileInfo());
  assertGolden("security-credentials.json", documents.profileCredentials());
  assertGolden("identity-credentials-info.json", documents.identityInfo());
});

test("credentials suit the pickiest of the SDKs", () => {
  for (const text of [documents.profileCredentials(), documents.identityCredentials()]) {
    const document = JSON.parse(text);
    assert.deepEqual(Object.keys(document), [
      "Code",
      "LastUpdated",
      "Type",
      "AccessKeyId",
      "SecretAccessKey",
      "Token",
      "Expiration",
    ]);
    assert.equal(document.Code, "Success");
    assert.match(document.LastUpdated, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.match(document.Expiration, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.ok(!text.includes("\\") && text.endsWith("}"));
  }
});

test("what AWS would sign has the right form, and differs from instance to instance", () => {
  const other = instanceDocuments({ instance: { ...instance, id: "i-00000000" }, launchedAt: NOON, credentials });
  for (const kind of ["signature", "pkcs7", "rsa2048", "dsa2048", "signer-cert"] as const) {
    assert.match(documents.signature(kind), /^(?:[A-Za-z0-9+/]{64}\n)+[A-Za-z0-9+/]{1,64}={0,2}$/, kind);
    assert.notEqual(documents.signature(kind), other.signature(kind));
  }
});

test("an ARM type says so in the identity document", () => {
  const architectureOf = (type: string) =>
    JSON.parse(instanceDocuments({ instance: { ...instance, type }, launchedAt: NOON, credentials }).identity())
      .architecture;
  assert.deepEqual(["t3.micro", "m7g.large", "c6gn.large", "g5.xlarge"].map(architectureOf), [
    "x86_64",
    "arm64",
    "arm64",
    "x86_64",
  ]);
});

test("a zone's id follows its name", () => {
  for (const [region, zone, id] of [
    ["us-east-1", "us-east-1a", "use1-az1"],
    ["ap-southeast-2", "ap-southeast-2c", "apse2-az3"],
    ["us-gov-west-1", "us-gov-west-1b", "usgw1-az2"],
    ["eu-central-1", "eu-central-1b", "euc1-az2"],
  ] as const) {
    assert.equal(zoneId(instanceFrom({ region, availabilityZone: zone })), id);
  }
});
