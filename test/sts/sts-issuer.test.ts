import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, describe, it } from "node:test";
import { Refusal } from "../../src/core/failure.ts";
import type { Grant } from "../../src/core/grant.ts";
import { startMockEc2 } from "../../src/mock-ec2/mock-ec2.ts";
import { stsRefusal } from "../../src/sts/sts-failure.ts";
import { StsIssuer } from "../../src/sts/sts-issuer.ts";
import { hostCredentials } from "../../src/upstream/host-credentials.ts";
import { UpstreamClient } from "../../src/upstream/upstream-client.ts";
import { refused } from "../support/workloads.ts";

const mock = await startMockEc2({});
after(() => mock.close());
const upstream = new UpstreamClient({ url: mock.metadataUrl, now: Date.now, timeoutMs: 900 });

const grant = (more: Partial<Grant> = {}): Grant => ({
  roleArn: "arn:aws:iam::111122223333:role/team/reader",
  roleName: "reader",
  sessionName: "web-0123456789ab",
  sessionSeconds: 900,
  sessionKey: "k",
  ...more,
});
const issuer = (endpoint = mock.stsUrl, signing = () => hostCredentials(upstream)) =>
  new StsIssuer({ region: () => Promise.resolve("us-east-1"), endpoint, hostCredentials: signing, now: Date.now });

describe("StsIssuer, AWS's own SDK against a service that checks signatures", () => {
  it("issues a session of the role, under the session's name and duration", async () => {
    const before = Date.now();
    const credentials = await issuer().issue(grant());
    assert.match(credentials.accessKeyId, /^ASIA/);
    assert.ok(Math.abs(credentials.expiresAt - before - 900_000) < 10_000);
    assert.ok(credentials.issuedAt >= before);
    const { STSClient, GetCallerIdentityCommand } = await import("@aws-sdk/client-sts");
    const { Arn } = await new STSClient({ region: "us-east-1", endpoint: mock.stsUrl, credentials }).send(
      new GetCallerIdentityCommand({}),
    );
    assert.equal(Arn, "arn:aws:sts::111122223333:assumed-role/reader/web-0123456789ab");
  });

  it("says denied when STS refuses for good, with STS's code and not the SDK's words", async () => {
    const failure = await refused(issuer().issue(grant({ sessionName: "x" })));
    assert.deepEqual([failure.kind, (failure as { code?: string }).code], ["sts-denied", "ValidationError"]);
  });

  it("says unavailable when nobody answers there", async () => {
    const failure = await refused(issuer("http://127.0.0.1:1").issue(grant()));
    assert.deepEqual([failure.kind, (failure as { code?: string }).code], ["sts-unavailable", "ECONNREFUSED"]);
  });

  it("passes on that the host's own credentials are missing", async () => {
    const lost = () =>
      Promise.reject(new Refusal({ kind: "upstream-unavailable", what: "w", reason: "no instance profile" }));
    assert.equal((await refused(issuer(undefined, lost).issue(grant()))).kind, "upstream-unavailable");
  });

  it("does not take an answer without credentials for a session", async () => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { "Content-Type": "text/xml" });
      response.end(
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult></AssumeRoleResult></AssumeRoleResponse>',
      );
    }).listen(0, "127.0.0.1");
    after(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    assert.equal((await refused(issuer(endpoint).issue(grant()))).kind, "sts-unavailable");
  });

  it("has the host's credentials read ahead of the first call, once", async () => {
    let asked = 0;
    const warmed = issuer(undefined, () => {
      asked += 1;
      return hostCredentials(upstream);
    });
    await warmed.warm();
    assert.equal(asked, 1);
    await warmed.issue(grant());
    assert.equal(asked, 1);
  });

  it("says ahead of the first call that the host has no credentials", async () => {
    const lost = () =>
      Promise.reject(new Refusal({ kind: "upstream-unavailable", what: "w", reason: "no instance profile" }));
    assert.equal((await refused(issuer(undefined, lost).warm())).kind, "upstream-unavailable");
  });

  it("tries again with a new client after the region could not be learned", async () => {
    let asked = 0;
    const flaky = new StsIssuer({
      region: () => {
        asked += 1;
        return asked === 1 ? Promise.reject(new Error("not yet")) : Promise.resolve("us-east-1");
      },
      endpoint: mock.stsUrl,
      hostCredentials: () => hostCredentials(upstream),
      now: Date.now,
    });
    await refused(flaky.issue(grant()));
    assert.match((await flaky.issue(grant())).accessKeyId, /^ASIA/);
  });
});

describe("stsRefusal", () => {
  const rows = [
    { error: { name: "AccessDenied" }, kind: "sts-denied", because: "a policy is missing" },
    { error: { name: "MalformedPolicyDocument" }, kind: "sts-denied", because: "a setting is wrong" },
    { error: { name: "RegionDisabledException" }, kind: "sts-denied", because: "STS is off there" },
    { error: { name: "Throttling" }, kind: "sts-throttled", because: "it passes when it is asked less" },
    {
      error: { name: "ExpiredTokenException" },
      kind: "sts-unavailable",
      because: "the host's credentials are renewed",
    },
    { error: { name: "Error", code: "ECONNRESET" }, kind: "sts-unavailable", because: "the network" },
    { error: new Error("AccessDenied"), kind: "sts-unavailable", because: "a message's text decides nothing" },
    { error: undefined, kind: "sts-unavailable", because: "nothing is known" },
  ];
  for (const { error, kind, because } of rows) {
    it(`calls ${JSON.stringify(error)} ${kind}: ${because}`, () =>
      assert.equal(stsRefusal("arn:r", error).failure.kind, kind));
  }
});
