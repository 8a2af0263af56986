import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, describe, it } from "node:test";
import { startMockEc2 } from "../../src/mock-ec2/mock-ec2.ts";
import { hostCredentials } from "../../src/upstream/host-credentials.ts";
import { HostIdentitySource } from "../../src/upstream/host-identity.ts";
import { UpstreamClient } from "../../src/upstream/upstream-client.ts";
import { clock, refused } from "../support/workloads.ts";

const mock = await startMockEc2({ mode: "v2-only" });
after(() => mock.close());

const client = (url: string, { now = clock().now, timeoutMs = 900 } = {}) =>
  new UpstreamClient({ url, now, timeoutMs });
const text = (body: Buffer | undefined) => body?.toString("utf8");

/** A metadata service that does as the test says. */
async function service(handle: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(handle).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("UpstreamClient against a service that speaks IMDSv2 only", () => {
  it("reads documents with a token of its own, and undefined where there is none", async () => {
    const upstream = client(mock.metadataUrl);
    assert.match(text(await upstream.get("latest/meta-data/instance-id")) ?? "", /^i-[0-9a-f]+$/);
    assert.equal(await upstream.get("latest/meta-data/nowhere"), undefined);
  });

  it("finds the host's region, account and partition, once", async () => {
    const identity = new HostIdentitySource(client(mock.metadataUrl), Date.now);
    const { region, accountId, partition } = await identity.get();
    assert.match(region, /^[a-z]+-[a-z]+-\d$/);
    assert.match(accountId, /^\d{12}$/);
    assert.equal(partition, "aws");
    assert.equal(await identity.get(), await identity.get());
  });

  it("reads the execution role's credentials, with their own end", async () => {
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = await hostCredentials(client(mock.metadataUrl));
    assert.match(accessKeyId, /^ASIA/);
    assert.ok(secretAccessKey.length >= 40 && sessionToken.length > 100);
    assert.ok(expiration.getTime() > Date.now());
  });
});

describe("UpstreamClient against a service in trouble", () => {
  it("asks for one token for many requests, and for a new one before the old one ends", async () => {
    const puts: string[] = [];
    const url = await service((request, response) => {
      if (request.method === "PUT") puts.push(String(request.headers["x-aws-ec2-metadata-token-ttl-seconds"]));
      response.end("x");
    });
    const time = clock();
    const upstream = client(url, { now: time.now });
    await Promise.all([1, 2, 3].map((i) => upstream.get(`latest/${i}`)));
    assert.deepEqual(puts, ["21600"]);
    time.turn(21_540_000);
    await upstream.get("latest/4");
    assert.equal(puts.length, 2);
  });

  it("gets over a 401 with a new token, and never passes it on", async () => {
    let good = "";
    const url = await service((request, response) => {
      if (request.method === "PUT") {
        good = `token-${Math.random()}`;
        return response.end(good);
      }
      response.statusCode = request.headers["x-aws-ec2-metadata-token"] === good ? 200 : 401;
      return response.end("document");
    });
    const upstream = client(url);
    assert.equal(text(await upstream.get("latest/x")), "document");
    good = "rotated";
    assert.equal(text(await upstream.get("latest/x")), "document");
  });

  it("asks for one new token, however many requests learn at their own pace that the old one is gone", async () => {
    const tokens: string[] = [];
    const url = await service((request, response) => {
      if (request.method === "PUT") return response.end(tokens[tokens.push(`token-${tokens.length}`) - 1]);
      const isLate = request.url?.endsWith("late");
      const status = request.headers["x-aws-ec2-metadata-token"] === "token-0" && tokens.length > 0 ? 401 : 200;
      return void setTimeout(() => response.writeHead(status).end("document"), isLate ? 100 : 0);
    });
    const upstream = client(url);
    await Promise.all(["late", "early", "late"].map((name) => upstream.get(`latest/${name}`)));
    assert.deepEqual(tokens, ["token-0", "token-1"]);
  });

  const troubles = [
    {
      name: "answers 500",
      handle: (_: unknown, response: ServerResponse) => void response.writeHead(500).end(),
      says: /500/,
    },
    { name: "never answers", handle: () => {}, says: /no answer within 100 ms/ },
    {
      name: "hangs up",
      handle: (request: IncomingMessage) => void request.socket.destroy(),
      says: /ECONNRESET|socket/i,
    },
    {
      name: "answers 401 whatever the token",
      handle: (request: IncomingMessage, response: ServerResponse) =>
        void response.writeHead(request.method === "PUT" ? 200 : 401).end("t"),
      says: /401/,
    },
    {
      name: "sends a document without end",
      handle: (_: unknown, response: ServerResponse) => void response.end(Buffer.alloc(2 << 20)),
      says: /Error|bytes/,
    },
  ];
  for (const { name, handle, says } of troubles) {
    it(`refuses, and says why, when it ${name}`, async () => {
      const failure = await refused(client(await service(handle), { timeoutMs: 100 }).get("latest/x"));
      assert.equal(failure.kind, "upstream-unavailable");
      assert.match((failure as { reason: string }).reason, says);
    });
  }

  it("takes no page for a token, so that all is well as soon as the real service is back", async () => {
    let isBack = false;
    const url = await service((request, response) => {
      if (!isBack) return response.end("<html>\n<body>Sign in</body>\n</html>\n");
      return response.end(request.method === "PUT" ? "token" : "document");
    });
    const upstream = client(url);
    const failure = await refused(upstream.get("latest/x"));
    assert.match((failure as { reason: string }).reason, /no token/);
    isBack = true;
    assert.equal(text(await upstream.get("latest/x")), "document");
  });

  it("refuses, and says why, when nothing listens", async () => {
    const failure = await refused(client("http://127.0.0.1:1").get("latest/x"));
    assert.match((failure as { reason: string }).reason, /ECONNREFUSED/);
  });
});

describe("the host's credentials", () => {
  const from = (documents: Readonly<Record<string, string>>) =>
    hostCredentials({
      get: (path) => Promise.resolve(documents[path] === undefined ? undefined : Buffer.from(documents[path])),
    });
  const ROOT = "latest/meta-data/iam/security-credentials/";

  it("are missing where the instance has no profile: the operator reads what to attach", async () => {
    assert.match(((await refused(from({}))) as { reason: string }).reason, /no instance profile/);
  });

  for (const [body, says] of [
    ['{"Code":"Failed"}', /not ready: Code Failed/],
    ['{"Code":"Success","AccessKeyId":"A"}', /lacks a field/],
    ["<html>", /not JSON/],
    ["null", /not ready/],
  ] as const) {
    it(`are refused when the document is ${body}`, async () => {
      const failure = await refused(from({ [ROOT]: "host", [`${ROOT}host`]: body }));
      assert.match((failure as { reason: string }).reason, says);
    });
  }

  it("cannot lead to another path by the role's name", async () => {
    const asked: string[] = [];
    await refused(
      hostCredentials({
        get(path) {
          asked.push(path);
          return Promise.resolve(asked.length === 1 ? Buffer.from("../../../x\n") : undefined);
        },
      }),
    );
    assert.equal(asked[1], `${ROOT}..%2F..%2F..%2Fx`);
  });
});

describe("the host's identity", () => {
  const from = (documents: Readonly<Record<string, string>>) => {
    const time = clock();
    const asked: string[] = [];
    const get = (path: string) => {
      asked.push(path);
      return Promise.resolve(documents[path] === undefined ? undefined : Buffer.from(documents[path]));
    };
    return { source: new HostIdentitySource({ get }, time.now), time, asked };
  };
  const DOCUMENT = "latest/dynamic/instance-identity/document";

  it("has the region's partition where the service is too old to name it", async () => {
    const document = JSON.stringify({ region: "cn-north-1", accountId: "111122223333" });
    assert.equal((await from({ [DOCUMENT]: document }).source.get()).partition, "aws-cn");
  });

  it("is asked for at most once a second when it could not be read, however many requests need it", async () => {
    const documents: Record<string, string> = {};
    const { source, time, asked } = from(documents);
    for (let i = 0; i < 40; i += 1) {
      assert.equal((await refused(source.get())).kind, "upstream-unavailable");
      time.turn(100);
    }
    assert.equal(asked.length, 4);
    documents[DOCUMENT] = JSON.stringify({ region: "eu-west-1", accountId: "111122223333" });
    assert.equal((await source.get()).region, "eu-west-1");
  });
});
