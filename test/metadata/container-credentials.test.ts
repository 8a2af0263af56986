import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { Refusal } from "../../src/core/failure.ts";
import { BLUE, bench, CREDENTIALS, header, PLAIN, RED, text } from "./service-bench.ts";

const HOST = "169.254.170.23";
const PATH = "/v1/credentials";
const json = (response: Parameters<typeof text>[0]) => JSON.parse(text(response));

describe("container credentials", () => {
  it("are the workload's own session, in the document that every SDK reads, without any token", async () => {
    const { send } = bench();
    const response = await send("GET", PATH, { headers: { host: HOST } });
    assert.equal(response.status, 200);
    assert.equal(header(response, "content-type"), "application/json");
    assert.deepEqual(json(response), {
      RoleArn: "arn:aws:iam::111122223333:role/team/red-role",
      AccessKeyId: "ASIAred-role",
      SecretAccessKey: "secret-of-red-role",
      Token: "token-of-red-role",
      Expiration: "2026-01-02T04:04:05Z",
      AccountId: "111122223333",
      Code: "Success",
    });
    assert.equal(
      json(await send("GET", PATH, { peerAddress: BLUE, headers: { host: HOST } })).AccessKeyId,
      "ASIAblue-role",
    );
  });

  it("are at every address and path that SDKs know, with or without an id, which means nothing", async () => {
    const { send } = bench();
    for (const host of ["169.254.170.2", "169.254.170.23:80", "[fd00:ec2::23]", "[FD00:EC2::23]:80", "fd00:ec2::23"])
      for (const path of [PATH, `${PATH}/`, `${PATH}?x=1`, "/v2/credentials/0b1d-4f", `http://${host}${PATH}`])
        assert.equal((await send("GET", path, { headers: { host } })).status, 200, `${host} ${path}`);
  });

  it("are not at the metadata service's addresses, nor is the metadata at theirs", async () => {
    const { send, get } = bench({ metadataTokens: "optional" });
    for (const host of ["169.254.169.254", "[fd00:ec2::254]", "instance-data"])
      assert.equal((await get(PATH, { headers: { host } })).status, 404, host);
    for (const path of [
      `${CREDENTIALS}/`,
      "/latest/meta-data/instance-id",
      "/",
      "/v1",
      "/v2/credentials",
      "/v3/x",
      "/v1/credentials/x",
    ])
      assert.equal((await send("GET", path, { headers: { host: HOST } })).status, 404, path);
    assert.equal((await send("PUT", "/latest/api/token", { headers: { host: HOST } })).status, 404);
  });

  it("are there for who asks a loopback address or names no host: the path tells which is meant", async () => {
    const { send } = bench();
    assert.equal((await send("GET", PATH, { headers: { host: "127.0.0.1:9254" } })).status, 200);
    assert.equal((await send("GET", PATH)).status, 200);
    assert.equal((await send("GET", PATH, { headers: { host: "evil.example" } })).status, 403);
  });

  it("are refused in JSON, in fixed words", async () => {
    const { send } = bench();
    const none = await send("GET", PATH, { peerAddress: PLAIN, headers: { host: HOST } });
    assert.equal(none.status, 404);
    assert.deepEqual(json(none), { code: "NotFound", message: "there are no credentials here" });
    const stranger = await send("GET", PATH, { peerAddress: "10.9.9.9", headers: { host: HOST } });
    assert.equal(stranger.status, 403);
    assert.equal(json(stranger).code, "AccessDenied");
    const posted = await send("POST", PATH, { headers: { host: HOST } });
    assert.equal(posted.status, 405);
    assert.equal(header(posted, "allow"), "GET, HEAD, PUT");
    const down = bench({
      issue: () => Promise.reject(new Refusal({ kind: "sts-unavailable", roleArn: "r", code: "x" })),
    });
    assert.equal((await down.send("GET", PATH, { headers: { host: HOST } })).status, 503);
    const denied = bench({ issue: () => Promise.reject(new Refusal({ kind: "sts-denied", roleArn: "r", code: "x" })) });
    assert.equal((await denied.send("GET", PATH, { headers: { host: HOST } })).status, 403);
  });

  it("answer HEAD as GET without the body, and go out only while the binding holds", async () => {
    const { send, ended } = bench();
    const response = await send("HEAD", PATH, { headers: { host: HOST } });
    assert.equal(response.omitBody, true);
    assert.equal(response.mayBeSent?.(), true);
    ended.add(RED);
    assert.equal(response.mayBeSent?.(), false);
  });
});

describe("the authorization token of container credentials", () => {
  const authorizationDigest = createHash("sha256").update("Zm9v/s3cret").digest("hex");
  const ask = (given: Parameters<typeof bench>[0], authorization?: string | string[], peerAddress = RED) => {
    const { send, refusals } = bench(given);
    const headers = { host: HOST, ...(authorization !== undefined && { authorization }) };
    return send("GET", PATH, { peerAddress, headers }).then(({ status }) => [status, refusals.at(-1)?.failure.kind]);
  };

  it("is accepted and ignored where nobody demands one", async () => {
    assert.deepEqual(await ask({ red: { authorizationDigest } }, "anything"), [200, undefined]);
    assert.deepEqual(await ask({ red: { authorizationDigest } }), [200, undefined]);
  });

  it("must be the one of the workload's own environment where the operator demands it", async () => {
    const given = { containerCredentials: "token", red: { authorizationDigest } } as const;
    assert.deepEqual(await ask(given, "Zm9v/s3cret"), [200, undefined]);
    assert.deepEqual(await ask(given, "Zm9v/s3creT"), [401, "authorization-invalid"]);
    assert.deepEqual(await ask(given, ["Zm9v/s3cret", "Zm9v/s3cret"]), [401, "authorization-invalid"]);
    assert.deepEqual(await ask(given, ""), [401, "authorization-invalid"]);
    assert.deepEqual(await ask(given), [401, "authorization-missing"]);
    assert.deepEqual(await ask(given, "Zm9v/s3cret", BLUE), [401, "authorization-not-set"]);
  });

  it("does not matter where there is no such endpoint", async () => {
    assert.deepEqual(await ask({ containerCredentials: "off" }, "x"), [403, "host-not-allowed"]);
    const { send } = bench({ containerCredentials: "off" });
    assert.equal((await send("GET", PATH, { headers: { host: "127.0.0.1" } })).status, 401);
  });
});
