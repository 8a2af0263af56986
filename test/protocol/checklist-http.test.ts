import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { RawClient } from "../http/raw-client.ts";
import { CREDENTIALS, SIX_HOURS, TOKEN, TOKEN_PATH, TTL } from "./caller.ts";
import { crawl } from "./crawl.ts";
import { leastOf, percentile, timed } from "./durations.ts";
import { bytesOf, exchange, type Field, type Reply, replyIn } from "./exchange.ts";
import { NOBODY, startProtocolHost, WORKLOADS } from "./protocol-host.ts";

const host = await startProtocolHost({ flags: { "metadata-tokens": "optional" } });
after(() => host[Symbol.asyncDispose]());

const web = host.caller("web");
const LEAF = "/latest/meta-data/instance-id";
const INSTANCE = "i-0123456789abcdef0";

/** Bytes as given, and the one answer to them. */
async function send(bytes: string): Promise<Reply> {
  const ends = { from: WORKLOADS.web.address, to: "127.0.0.1", port: host.port };
  return replyIn(await exchange(ends, bytes, false), false);
}

const dateless = ({ head }: Reply): string => head.replace(/\r\nDate: [^\r]+/, "").replace(/\r\nX-aws[^\r]+/, "");

test("item 41: HTTP/1.0, no Host, and each spelling of the service's own Host are answered; a foreign Host is 403", async () => {
  for (const version of ["1.0", "1.1"] as const) {
    for (const own of [
      null,
      "169.254.169.254",
      "169.254.169.254:80",
      "[fd00:ec2::254]",
      "[fd00:ec2::254]:80",
      "fd00:ec2::254",
      "instance-data",
      "instance-data.ec2.internal",
      "127.0.0.1:9254",
    ]) {
      assert.equal(
        (await web.askPatiently({ target: LEAF, version, host: own })).body,
        INSTANCE,
        `${own} in ${version}`,
      );
    }
    for (const foreign of [
      "evil.example",
      "evil.example:80",
      "169.254.169.254.evil.example",
      "169.254.169.254@evil.example",
      "evil.example#169.254.169.254",
      "[fd00:ec2::255]",
      "169.254.169.253",
      "localhost.evil.example",
      "",
      "169.254.169.254, evil.example",
    ]) {
      assert.equal(
        (await web.askPatiently({ target: LEAF, version, host: foreign })).status,
        403,
        `${foreign} in ${version}`,
      );
      const put = { method: "PUT", target: TOKEN_PATH, fields: [[TTL, "60"]] as const, version, host: foreign };
      assert.equal((await web.ask(put)).status, 403, `PUT with ${foreign} in ${version}`);
    }
  }
});

test("item 42: HEAD is GET without its body, on every path; any other method is 405, says which there are, and opens no CORS", async () => {
  const found = await crawl((path) => web.get(path), "/latest/meta-data/");
  for (const path of [...found.keys(), "/", "/latest/user-data", "/latest/nowhere"]) {
    const [head, whole] = [await web.get(path, { method: "HEAD" }), await web.get(path)];
    assert.equal(dateless(head), dateless(whole), path);
    assert.equal(head.body, "");
  }
  const origin: readonly Field[] = [
    ["Origin", "http://evil.example"],
    ["Access-Control-Request-Method", "PUT"],
  ];
  for (const method of ["POST", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"]) {
    for (const target of [LEAF, CREDENTIALS, TOKEN_PATH, "/", "/nowhere"]) {
      const { status, fields } = await web.ask({ method, target, fields: origin });
      assert.equal(status, 405, `${method} ${target}`);
      assert.equal(fields.get("allow"), "GET, HEAD, PUT");
    }
  }
});

test("item 43: kept open after a 200, closed after anything else; pipelined requests are answered in order, whole, one by one", async () => {
  const client = await RawClient.connected(host.port, WORKLOADS.web.address);
  const ask = (target: string): string => bytesOf({ target });
  client.send(ask(LEAF) + ask(CREDENTIALS) + ask(LEAF) + ask("/latest/nowhere") + ask(LEAF));
  const bodies = [await client.response(), await client.response(), await client.response()].map(({ body }) => body);
  assert.deepEqual(bodies, [INSTANCE, "web", INSTANCE]);
  const last = await client.response();
  assert.equal(last.status, 404);
  assert.equal(last.fields.get("connection"), "close");
  assert.equal(await client.ending, "end");
  assert.equal(client.received, "", "what was asked after the 404 is not answered");
  client.close();

  const patient = await RawClient.connected(host.port, WORKLOADS.web.address);
  assert.equal((await patient.send(ask(LEAF)).response()).fields.get("connection"), undefined);
  await sleep(1_000);
  assert.equal((await patient.send(ask(CREDENTIALS)).response()).body, "web", "the same connection, a second later");
  patient.close();
});

test("item 44: two framings, a bare LF, a folded field, NUL, a blank in the target: 400, the connection ends, the daemon goes on", async () => {
  const field = "Host: 169.254.169.254\r\n";
  const cases: Readonly<Record<string, string>> = {
    "both framings": `PUT ${TOKEN_PATH} HTTP/1.1\r\n${field}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    "two lengths": `PUT ${TOKEN_PATH} HTTP/1.1\r\n${field}Content-Length: 0\r\nContent-Length: 5\r\n\r\n`,
    "two hosts": `GET ${LEAF} HTTP/1.1\r\n${field}${field}\r\n`,
    "bare LF after a field": `GET ${LEAF} HTTP/1.1\r\nHost: 169.254.169.254\n\r\n`,
    "bare LF after the request line": `GET ${LEAF} HTTP/1.1\n${field}\r\n`,
    "bare CR": `GET ${LEAF} HTTP/1.1\r\nX: a\rb\r\n\r\n`,
    "folded field": `GET ${LEAF} HTTP/1.1\r\nX: a\r\n b\r\n\r\n`,
    "blank before the colon": `GET ${LEAF} HTTP/1.1\r\nX : a\r\n\r\n`,
    "NUL in a value": `GET ${LEAF} HTTP/1.1\r\nX: a\0b\r\n\r\n`,
    "NUL in the target": `GET /latest/\0meta-data HTTP/1.1\r\n${field}\r\n`,
    "blank in the target": `GET /latest/meta data HTTP/1.1\r\n${field}\r\n`,
    "a byte above ASCII in the target": `GET /latest/\xe9 HTTP/1.1\r\n${field}\r\n`,
    "no request at all": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
  };
  for (const [what, bytes] of Object.entries(cases)) {
    const { status, fields } = await send(bytes);
    assert.equal(status, 400, what);
    assert.equal(fields.get("connection"), "close", what);
  }
  assert.equal((await web.get(LEAF)).body, INSTANCE);
});

test("item 46: idle connections, heads of one byte a time and clients that leave mid-answer cost the others nothing", async () => {
  const { plain, denied, odd, worker } = WORKLOADS;
  const connect = ({ address }: { address: string }, count: number): Promise<RawClient[]> =>
    Promise.all(Array.from({ length: count }, () => RawClient.connected(host.port, address)));
  const mute = await connect(NOBODY, 50);
  const idle = (await Promise.all([plain, denied, odd].map((workload) => connect(workload, 50)))).flat();
  // Who never asked anything is sent away after some seconds; who was answered once may stay.
  await Promise.all(idle.map((client) => client.send(bytesOf({ target: "/" })).response()));
  let ended = 0;
  for (const { ending } of idle) void ending.then(() => (ended += 1));
  const slow = await connect(worker, 10);
  const text = bytesOf({ target: CREDENTIALS });
  let at = 0;
  const dripping = setInterval(() => {
    for (const client of slow) if (!client.socket.destroyed) client.send(text[at] ?? "");
    at += 1;
  }, 200);
  const leaving = async (): Promise<void> => {
    const client = await RawClient.connected(host.port, plain.address);
    client.send(bytesOf({ target: "/latest/dynamic/instance-identity/document" }).repeat(50));
    await new Promise((resolve) => client.socket.once("data", resolve));
    client.socket.resetAndDestroy();
  };
  const served = timed(100, async () => {
    assert.equal((await web.get(CREDENTIALS)).body, "web");
    await sleep(10);
  });
  for (let i = 0; i < 20; i += 1) await leaving();
  const waits = (await served).toSorted((one, other) => other - one);
  clearInterval(dripping);
  // One may be the machine's own pause; what they do to the others they do more than once in a hundred.
  const [, longest = 0] = waits;
  assert.ok(longest < 500, `${waits.slice(0, 5)} ms: longer than the least patient SDK waits`);
  assert.equal(ended, 0, "the idle ones were there all the time");
  for (const client of [...mute, ...idle, ...slow]) client.close();
});

test("item 47: after kill -9 a new daemon listens within a second, and a token of the old one is good", async () => {
  const token = await web.newToken();
  const duration = await leastOf(1_000, async () => percentile(await timed(1, () => host.restart("SIGKILL")), 1));
  assert.ok(duration < 1_000, `${duration} ms`);
  const reply = await web.ask({ target: `${CREDENTIALS}web`, fields: [[TOKEN, token]] });
  assert.equal(reply.status, 200);
});

test("item 48: an address that is no container's is 403 for everything, even where there is a default role", async () => {
  await using generous = await startProtocolHost({ flags: { "metadata-tokens": "optional", "default-role": "web" } });
  assert.equal((await generous.caller("plain").get(CREDENTIALS)).body, "web", "the default role of a container");
  const token = await generous.caller("plain").token();
  const targets = ["/", LEAF, CREDENTIALS, `${CREDENTIALS}web`, `${CREDENTIALS}host-execution-role`];
  const strangers = [NOBODY.address, "127.0.0.1", "127.60.0.2"].map((address) => generous.callerAt(address));
  await Promise.all(
    strangers.flatMap((stranger) => [
      stranger.ask({ method: "PUT", target: TOKEN_PATH, fields: [[TTL, SIX_HOURS]] }).then(assertForbidden),
      ...targets.flatMap((target) => [
        stranger.ask({ target }).then(assertForbidden),
        stranger.ask({ target, fields: [[TOKEN, token]] }).then(assertForbidden),
      ]),
    ]),
  );
});

function assertForbidden({ status, body }: Reply): void {
  assert.equal(status, 403);
  assert.doesNotMatch(body, /AKIA|ASIA|AccessKeyId|web/);
}

test("item 49: who asks is the address of the connection; no field of the request makes it another's", async () => {
  const { address, address6 } = WORKLOADS.worker;
  const fields: readonly Field[] = [
    ...[address, `${address}, 127.50.0.2`, `[${address6}]`].map((value): Field => ["X-Forwarded-For", value]),
    ["X-Real-IP", address],
    ["Forwarded", `for=${address};proto=http`],
    ["Forwarded", `for="[${address6}]"`],
    ["X-Client-IP", address],
    ["X-Originating-IP", address],
    ["X-Remote-IP", address],
    ["X-Remote-Addr", address],
    ["X-Cluster-Client-IP", address],
    ["CF-Connecting-IP", address],
    ["True-Client-IP", address],
    ["Client-IP", address],
    ["Via", `1.1 ${address}`],
    ["From", address],
    ["X-Container-Id", "worker"],
    ["X-Forwarded-Host", "169.254.169.254"],
  ];
  for (const field of fields) {
    assert.equal((await web.get(CREDENTIALS, { fields: [field] })).body, "web", String(field));
    assert.equal((await web.get(`${CREDENTIALS}worker`, { fields: [field] })).status, 404, String(field));
  }
  assert.equal((await web.get(CREDENTIALS, { fields })).body, "web", "all of them together");
  const proxied = `PROXY TCP4 ${address} 169.254.169.254 4242 80\r\n${bytesOf({ target: CREDENTIALS })}`;
  assert.equal((await send(proxied)).status, 400, "no PROXY protocol either");
  const stranger = host.callerAt(NOBODY.address);
  assert.equal((await stranger.ask({ target: CREDENTIALS, fields })).status, 403, "nor a stranger's a container's");
});
