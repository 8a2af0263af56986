import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bench, header, PLAIN, text } from "./service-bench.ts";

const claim = (value: string) => ({ pathsClaim: { text: value, place: "label taskrole.metadata" } });

describe("metadataPaths", () => {
  it("opens what it names, and lists it", async () => {
    const { get } = bench({ paths: { allow: ["user-data"] } });
    const userData = await get("/latest/user-data/");
    assert.equal(text(userData), "#!/bin/sh");
    assert.equal(header(userData, "content-type"), "application/octet-stream");
    assert.equal(text(await get("/latest/")), "dynamic\nmeta-data\nuser-data");
  });

  it("lists user data only where the host has any", async () => {
    const { get } = bench({ paths: { allow: ["user-data"] } });
    assert.equal(text(await get("/1.0/")), "dynamic\nmeta-data");
    assert.equal((await get("/1.0/user-data")).status, 404);
  });

  it("closes what it names, and unlists it, also within a tree", async () => {
    const { get } = bench({ paths: { deny: ["meta-data/placement/region", "meta-data/instance-id"] } });
    assert.equal((await get("/latest/meta-data/placement/region")).status, 404);
    assert.equal(text(await get("/latest/meta-data/placement/")), "availability-zone");
    assert.equal(text(await get("/latest/meta-data/")), "ami-id\niam/\nplacement/\nservices/");
  });

  it("leaves no directory listed that lists nothing", async () => {
    const { get } = bench({ paths: { deny: ["meta-data/services/domain", "meta-data/services/partition"] } });
    assert.equal((await get("/latest/meta-data/services/")).status, 404);
    assert.ok(!text(await get("/latest/meta-data/")).includes("services"));
  });

  it("opens none of the never-entries by what stands above them, and never lists them", async () => {
    const { get, upstreamAsked } = bench({ paths: { allow: ["meta-data", "dynamic"] } });
    const shown = text(await get("/latest/meta-data/"));
    assert.equal(shown, "ami-id\niam/\ninstance-id\nplacement/\npublic-keys/\nservices/");
    assert.equal(text(await get("/latest/dynamic/instance-identity/")), "document");
    for (const path of ["meta-data/identity-credentials/ec2/info", "meta-data/managed-ssh-keys/signer-cert"])
      assert.equal((await get(`/latest/${path}`)).status, 404);
    assert.equal(upstreamAsked.filter((path) => /identity-credentials|managed|pkcs7/.test(path)).length, 0);
  });
});

describe("the label taskrole.metadata", () => {
  it("leaves the workload what it names, its own role, and nothing else", async () => {
    const { get } = bench({ red: claim("meta-data/placement/region") });
    assert.equal(text(await get("/latest/meta-data/placement/region")), "eu-west-1");
    assert.equal(text(await get("/latest/meta-data/placement/")), "region");
    assert.equal(text(await get("/latest/meta-data/")), "iam/\nplacement/");
    assert.equal(text(await get("/latest/")), "meta-data");
    assert.equal((await get("/latest/meta-data/instance-id")).status, 404);
    assert.equal(text(await get("/latest/meta-data/iam/security-credentials/")), "red-role");
  });

  it("leaves nothing but its own role with none, and does not touch its neighbours", async () => {
    const { get, upstreamAsked } = bench({ red: claim("none") });
    assert.equal(text(await get("/latest/")), "meta-data");
    assert.equal(text(await get("/latest/meta-data/")), "iam/");
    assert.equal((await get("/latest/dynamic/instance-identity/document")).status, 404);
    assert.deepEqual(upstreamAsked, []);
    assert.equal(text(await get("/latest/meta-data/instance-id", { peerAddress: PLAIN })), "i-0123456789abcdef0");
  });

  it("never shows more than the operator opened", async () => {
    const { get } = bench({ red: claim("user-data, meta-data/identity-credentials") });
    assert.equal((await get("/latest/user-data")).status, 404);
    assert.equal((await get("/latest/meta-data/identity-credentials/ec2/info")).status, 404);
  });

  it("shows nothing when it cannot be read, and the operator learns where it stands and why", async () => {
    const { get, refusals } = bench({ red: claim("placement") });
    assert.equal((await get("/latest/meta-data/instance-id")).status, 404);
    const { failure } = refusals.at(-1) ?? assert.fail();
    assert.equal(failure.kind, "bad-paths");
    assert.match(JSON.stringify(failure), /label taskrole\.metadata.*begins with dynamic, meta-data, user-data/);
    assert.equal(text(await get("/latest/meta-data/iam/security-credentials/")), "red-role");
    assert.equal(text(await get("/latest/meta-data/")), "iam/");
  });
});

describe("an attempt on a never-path", () => {
  for (const path of [
    "meta-data/iam/security-credentials-extended/red-role",
    "meta-data/iam/security-credentials/red-role/x",
    "meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
    "dynamic/instance-identity/pkcs7",
  ]) {
    it(`${path} is a 404 of which the operator hears by its canonical path`, async () => {
      const { get, refusals } = bench();
      assert.equal((await get(`/1.0//${path.replace("i", "%69")}/`)).status, 404);
      const refusal = refusals.at(-1) ?? assert.fail();
      assert.equal(refusal.path, `/1.0/${path}`);
      assert.equal(refusal.failure.kind, "path-forbidden");
    });
  }
});
