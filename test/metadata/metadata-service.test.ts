import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Refusal } from "../../src/core/failure.ts";
import { BLUE, BROKEN, bench, CREDENTIALS, header, PLAIN, RED, TTL, text } from "./service-bench.ts";

describe("the credentials of a workload", () => {
  it("are those of its own role, listed by name and fetched by it, in the real service's document", async () => {
    const { get } = bench();
    const list = await get(`${CREDENTIALS}/`);
    assert.equal(text(list), "red-role");
    assert.equal(header(list, "content-type"), "text/plain");
    const document = await get(`${CREDENTIALS}/red-role`);
    assert.deepEqual(JSON.parse(text(document)), {
      Code: "Success",
      LastUpdated: "2026-01-02T03:04:05Z",
      Type: "AWS-HMAC",
      AccessKeyId: "ASIAred-role",
      SecretAccessKey: "secret-of-red-role",
      Token: "token-of-red-role",
      Expiration: "2026-01-02T04:04:05Z",
    });
  });

  it("are 404 under another workload's role name, under another case, and below the name", async () => {
    const { get } = bench();
    for (const name of ["blue-role", "Red-Role", "red-role/x", "host-role"]) {
      assert.equal((await get(`${CREDENTIALS}/${name}`)).status, 404, name);
    }
  });

  it("are not there for a workload without role, nor for one whose role is broken, and the operator reads why", async () => {
    const { get, refusals } = bench();
    for (const [peerAddress, kind] of [
      [PLAIN, "no-role"],
      [BROKEN, "bad-role"],
    ] as const) {
      for (const path of ["/", "", "/x"]) assert.equal((await get(CREDENTIALS + path, { peerAddress })).status, 404);
      assert.equal((await get("/latest/meta-data/iam/info", { peerAddress })).status, 404);
      assert.equal((await get("/latest/meta-data/iam/", { peerAddress })).status, 404);
      assert.equal(refusals.at(-1)?.failure.kind, kind);
    }
  });

  it("are a 403 to an address nobody knows, with or without token", async () => {
    const { send, refusals } = bench();
    const response = await send("GET", `${CREDENTIALS}/`, { peerAddress: "10.9.9.9" });
    assert.equal(response.status, 403);
    assert.deepEqual(refusals.at(-1)?.failure, { kind: "unknown-peer", address: "10.9.9.9" });
  });

  it("are, when STS says no, the document that SDKs report, with status 200 and no key in it", async () => {
    const { get } = bench({
      issue: () =>
        Promise.reject(
          new Refusal({ kind: "sts-denied", roleArn: "arn:aws:iam::1:role/red-role", code: "AccessDenied" }),
        ),
    });
    const response = await get(`${CREDENTIALS}/red-role`);
    assert.equal(response.status, 200);
    const document = JSON.parse(text(response));
    assert.deepEqual(Object.keys(document), ["Code", "Message", "LastUpdated"]);
    assert.equal(document.Code, "AssumeRoleUnauthorizedAccess");
  });

  it("are a 503 while STS is down or slow", async () => {
    const down = bench({
      issue: () => Promise.reject(new Refusal({ kind: "sts-unavailable", roleArn: "r", code: "x" })),
    });
    assert.equal((await down.get(`${CREDENTIALS}/red-role`)).status, 503);
    const slow = bench({ issue: () => new Promise(() => {}) });
    assert.equal((await slow.get(`${CREDENTIALS}/red-role`)).status, 503);
  });

  it("may be sent only while the binding they were made for holds", async () => {
    const { get, ended } = bench();
    const response = await get(`${CREDENTIALS}/red-role`);
    assert.equal(response.mayBeSent?.(), true);
    ended.add(RED);
    assert.equal(response.mayBeSent?.(), false);
  });
});

describe("metadata tokens", () => {
  it("are required: without one every path is 401, known or not", async () => {
    const { send } = bench();
    for (const target of ["/", "/latest/meta-data/instance-id", `${CREDENTIALS}/red-role`, "/latest/nowhere"]) {
      assert.equal((await send("GET", target)).status, 401, target);
    }
  });

  it("are, when optional, still checked where one is sent", async () => {
    const { send } = bench({ metadataTokens: "optional" });
    assert.equal((await send("GET", `${CREDENTIALS}/`)).status, 200);
    assert.equal(
      (await send("GET", `${CREDENTIALS}/`, { headers: { "x-aws-ec2-metadata-token": "bogus" } })).status,
      401,
    );
    assert.equal((await send("GET", "/", { headers: { "x-aws-ec2-metadata-token": "" } })).status, 401);
  });

  it("are good for the workload they were issued to and for no other", async () => {
    const { send, token } = bench();
    const headers = { "x-aws-ec2-metadata-token": await token(RED) };
    assert.equal((await send("GET", `${CREDENTIALS}/`, { peerAddress: RED, headers })).status, 200);
    assert.equal((await send("GET", `${CREDENTIALS}/`, { peerAddress: BLUE, headers })).status, 401);
  });

  it("end when their time is up, and say how much is left", async () => {
    const { send, token, time } = bench();
    const headers = { "x-aws-ec2-metadata-token": await token(RED, "60") };
    time.turn(59_000);
    assert.equal(header(await send("GET", `${CREDENTIALS}/`, { headers }), TTL), "1");
    time.turn(1_000);
    assert.equal((await send("GET", `${CREDENTIALS}/`, { headers })).status, 401);
  });

  it("sent twice are none", async () => {
    const { send, token } = bench();
    const one = await token();
    assert.equal((await send("GET", "/", { headers: { "x-aws-ec2-metadata-token": [one, one] } })).status, 401);
  });

  it("are issued with their lifetime in the answer, and no line feed", async () => {
    const { send } = bench();
    const response = await send("PUT", "/latest/api/token", { headers: { [TTL]: "300" } });
    assert.equal(response.status, 200);
    assert.equal(header(response, TTL), "300");
    assert.match(text(response), /^[A-Za-z0-9+/=_-]{56}$/);
  });

  for (const seconds of [undefined, "", "0", "21601", "-1", "abc", "1.5", " 60", "0x10", "1e3", ["60", "60"]]) {
    it(`are not issued for ${JSON.stringify(seconds)} seconds: 400`, async () => {
      const headers = seconds === undefined ? {} : { [TTL]: seconds };
      assert.equal((await bench().send("PUT", "/latest/api/token", { headers })).status, 400);
    });
  }

  it("are not issued to a request that was forwarded, whatever the field says", async () => {
    const { send } = bench();
    for (const forwarded of ["1.2.3.4", ""]) {
      const headers = { [TTL]: "60", "x-forwarded-for": forwarded };
      assert.equal((await send("PUT", "/latest/api/token", { headers })).status, 403);
    }
  });

  it("are only at /latest", async () => {
    const { send, get } = bench();
    const headers = { [TTL]: "60" };
    assert.equal((await send("PUT", "/2021-03-23/api/token", { headers })).status, 403);
    assert.equal((await send("PUT", "/latest/meta-data/instance-id", { headers })).status, 404);
    const response = await get("/latest/api/token");
    assert.equal(response.status, 405);
    assert.equal(header(response, "allow"), "PUT");
  });
});

describe("the rest of the host's metadata", () => {
  it("passes through where the list allows it, slash or no slash", async () => {
    const { get } = bench();
    assert.equal(text(await get("/latest/meta-data/instance-id")), "i-0123456789abcdef0");
    assert.equal(text(await get("//latest/meta-data//instance-id/")), "i-0123456789abcdef0");
    assert.equal(text(await get("/latest/meta-data/placement/")), "availability-zone\nregion");
  });

  it("lists what this workload can fetch and nothing else", async () => {
    const { get } = bench();
    assert.equal(text(await get("/latest/meta-data/")), "ami-id\niam/\ninstance-id\nplacement/\nservices/");
    assert.equal(
      text(await get("/latest/meta-data", { peerAddress: PLAIN })),
      "ami-id\ninstance-id\nplacement/\nservices/",
    );
    assert.equal(text(await get("/latest/")), "dynamic\nmeta-data");
    assert.equal(text(await get("/")), "1.0\n2021-03-23\nlatest");
    assert.equal(text(await get("/latest/meta-data/iam/")), "info\nsecurity-credentials/");
  });

  it("never asks upstream for what is the host's alone", async () => {
    const { get, upstreamAsked } = bench();
    for (const path of [
      "/latest/user-data",
      "/latest/meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
      "/latest/meta-data/iam/security-credentials-extended/",
      "/latest/meta-data/iam/security-credentials/red-role/x",
      "/1.0/meta-data/iam/anything",
      "/2099-01-01/meta-data/instance-id",
      "/Latest/meta-data/instance-id",
      "/latest/meta-data/public-keys/",
      "/latest/dynamic/instance-identity/pkcs7",
    ]) {
      assert.equal((await get(path)).status, 404, path);
    }
    assert.deepEqual(upstreamAsked, []);
  });

  it("is 404 where upstream has nothing", async () => {
    assert.equal((await bench().get("/latest/meta-data/spot/instance-action")).status, 404);
  });
});

describe("requests that are not quite right", () => {
  const cases = [
    { method: "POST", target: "/latest/meta-data/", status: 405, because: "no method of the service" },
    { method: "OPTIONS", target: "*", status: 405, because: "the same, whatever the target" },
    { method: "GET", target: "latest/meta-data/", status: 400, because: "no path" },
    { method: "GET", target: "/%zz", status: 400, because: "a broken escape" },
    { method: "GET", target: "/latest/../latest", status: 404, because: "dots are never resolved" },
  ];
  for (const { method, target, status, because } of cases) {
    it(`answers ${method} ${target} with ${status}: ${because}`, async () => {
      const response = await bench().send(method, target);
      assert.equal(response.status, status);
      if (status === 405) assert.equal(header(response, "allow"), "GET, HEAD, PUT");
    });
  }

  it("answers HEAD as GET without the body", async () => {
    const response = await bench().get(`${CREDENTIALS}/`, { method: "HEAD" });
    assert.equal(response.status, 200);
    assert.equal(response.omitBody, true);
  });

  const hosts = [
    ["169.254.169.254", 200],
    ["169.254.169.254:80", 200],
    ["[fd00:ec2::254]", 200],
    ["[FD00:EC2::254]:80", 200],
    ["fd00:ec2::254", 200],
    ["instance-data", 200],
    ["127.0.0.11:1338", 200],
    ["evil.example", 403],
    ["169.254.169.254.evil.example", 403],
    ["127.0.0.1.evil.example", 403],
    ["localhost.evil", 403],
    ["", 403],
  ] as const;
  for (const [host, status] of hosts) {
    it(`answers the Host ${JSON.stringify(host)} with ${status}`, async () =>
      assert.equal((await bench().get(`${CREDENTIALS}/`, { headers: { host } })).status, status));
  }

  it("takes the host of a target in absolute form for the Host", async () => {
    const { get } = bench();
    assert.equal((await get(`http://169.254.169.254${CREDENTIALS}/`, { headers: { host: "x" } })).status, 200);
    assert.equal((await get(`http://evil.example${CREDENTIALS}/`)).status, 403);
  });

  it("tells the operator who was refused, where and why, and the workload nothing but a fixed page", async () => {
    const { get, refusals } = bench();
    const response = await get("/latest/user-data");
    const { workload: who, path, failure } = refusals.at(-1) ?? assert.fail();
    assert.deepEqual(
      [who?.name, path, failure],
      ["red", "/latest/user-data", { kind: "path-blocked", path: "user-data" }],
    );
    assert.ok(!text(response).includes("user-data"));
    assert.ok(text(response).length < 400);
  });
});
