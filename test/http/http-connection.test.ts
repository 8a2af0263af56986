import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { HttpConnection } from "../../src/http/http-connection.ts";
import { HttpDate } from "../../src/http/http-date.ts";
import type { HttpRequest, HttpResponse } from "../../src/http/http-message.ts";
import { DEFAULT_LIMITS } from "../../src/http/http-server.ts";
import { SweepClock } from "../../src/http/sweep-clock.ts";
import { peer } from "../support/workloads.ts";
import { RawClient } from "./raw-client.ts";
import { deferred, echo, serving, sleep, text, until } from "./serving.ts";

const LIMIT = { timeout: 10_000 };
const GET = "GET / HTTP/1.1\r\n\r\n";
const QUICK = { sweepEveryMs: 10, requestMs: 80, idleMs: 5_000, writeMs: 80, lingerMs: 80 };

// biome-ignore format: one row a line
const STAYING: readonly [status: number, version: string, field: string, stays: boolean, says: string | undefined][] = [
  [200, "1.1", "",                       true,  undefined],
  [200, "1.1", "Connection: keep-alive", true,  undefined],
  [200, "1.1", "Connection: close",      false, "close"],
  [200, "1.1", "Connection: TE, close",  false, "close"],
  [200, "1.1", "Connection: Upgrade",    false, "close"],
  [200, "1.0", "",                       false, "close"],
  [200, "1.0", "Connection: Keep-Alive", true,  "keep-alive"],
  [401, "1.1", "",                       false, "close"],
  [404, "1.1", "Connection: keep-alive", false, "close"],
  [404, "1.0", "Connection: keep-alive", false, "close"],
  [503, "1.1", "",                       false, "close"],
];

for (const [status, version, field, stays, says] of STAYING) {
  test(`${status} to HTTP/${version} ${field}: ${stays ? "stays" : "closes"}`, LIMIT, async (t) => {
    const { port } = await serving(t, async () => text("body", { status }));
    const client = new RawClient(port).send(`GET / HTTP/${version}\r\n${field === "" ? "" : `${field}\r\n`}\r\n`);
    const response = await client.response();
    assert.equal(response.status, status);
    assert.equal(response.body, "body");
    assert.equal(response.fields.get("connection"), says);
    if (stays) assert.equal((await client.send(`GET / HTTP/${version}\r\n\r\n`).response()).status, status);
    else assert.equal(await client.ending, "end");
    client.close();
  });
}

test("pipelined requests are answered in order, one at a time", LIMIT, async (t) => {
  let underWay = 0;
  let mostUnderWay = 0;
  const handle = async ({ target }: HttpRequest): Promise<HttpResponse> => {
    underWay += 1;
    mostUnderWay = Math.max(mostUnderWay, underWay);
    await sleep(target === "/0" ? 30 : 1);
    underWay -= 1;
    return text(target);
  };
  const { port } = await serving(t, handle);
  const targets = Array.from({ length: 20 }, (_, index) => `/${index}`);
  const client = new RawClient(port).send(targets.map((target) => `GET ${target} HTTP/1.1\r\n\r\n`).join(""));
  for (const target of targets) assert.equal((await client.response()).body, target);
  assert.equal(mostUnderWay, 1);
  client.close();
});

test("while a request is answered no more is read than had come: the client's own buffers fill", LIMIT, async (t) => {
  const answer = deferred<HttpResponse>();
  const server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const client = new RawClient((server.address() as AddressInfo).port);
  const [socket] = (await once(server, "connection")) as [Socket];
  const now = (): number => Date.now();
  const shared = { now, date: new HttpDate(now), clock: new SweepClock(500), limits: DEFAULT_LIMITS };
  const events = { onAccess: () => {}, onError: () => {}, onGone: () => {} };
  new HttpConnection(socket, peer("127.0.0.1", 1), { ...shared, ...events, handle: () => answer.promise });
  let read = 0;
  socket.on("data", (bytes) => {
    read += bytes.length;
  });
  client.send(GET.repeat(1_000_000));
  await until(() => read > 0);
  await sleep(300);
  // One read of the socket or two: 64 KiB each on Node, 512 KiB on Bun.
  assert.ok(read + socket.readableLength <= 2 * 1024 * 1024, `${read} bytes were read of ${1_000_000 * GET.length}`);
  answer.resolve(text("", { status: 404 }));
  assert.equal((await client.response()).status, 404);
  client.close();
});

test("what came in pieces while another request was answered is read afterwards", LIMIT, async (t) => {
  const answer = deferred<void>();
  const handle = async ({ target }: HttpRequest): Promise<HttpResponse> => {
    if (target === "/slow") await answer.promise;
    return text(target);
  };
  const { port, requests } = await serving(t, handle);
  const client = new RawClient(port).send("GET /slow HTTP/1.1\r\n\r\n");
  await until(() => requests.length === 1);
  for (const piece of ["GET /ne", "xt HTT", "P/1.1\r\n\r\n"]) {
    client.send(piece);
    await sleep(20);
  }
  answer.resolve();
  assert.equal((await client.response()).body, "/slow");
  assert.equal((await client.response()).body, "/next");
  client.close();
});

test("s3fs's chunked PUT: 100 Continue before the body, then the answer, then the next request", LIMIT, async (t) => {
  const { port } = await serving(t);
  const client = new RawClient(port);
  client.send("PUT /t HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
  assert.equal((await client.response({ toHead: true })).status, 100);
  client.send(`0\r\n\r\n${GET}`);
  assert.equal((await client.response()).body, "PUT /t");
  assert.equal((await client.response()).body, "GET /");
  client.close();
});

test("HEAD: the head of a GET and nothing after it, also when the surface forgot", LIMIT, async (t) => {
  for (const handle of [echo, async () => text("12345678", { omitBody: true })]) {
    const { port } = await serving(t, handle);
    const client = new RawClient(port).send(`HEAD / HTTP/1.1\r\n\r\n${GET}`);
    const response = await client.response({ toHead: true });
    assert.equal(response.fields.get("content-length"), handle === echo ? "6" : "8");
    assert.equal((await client.response({ toHead: handle !== echo })).status, 200);
    client.close();
  }
});

test("mayBeSent is asked last; its no resets the connection without a byte", LIMIT, async (t) => {
  const { port, accesses } = await serving(t, async () => text("secret", { mayBeSent: () => false }));
  const client = new RawClient(port).send(GET);
  assert.equal(await client.ending, "ECONNRESET");
  assert.equal(client.received, "");
  assert.deepEqual(
    accesses.map(({ status }) => status),
    [undefined],
  );
});

test("mayBeSent is asked for each answer at its own time", LIMIT, async (t) => {
  const asked: string[] = [];
  const handle = async ({ target }: HttpRequest): Promise<HttpResponse> => {
    asked.push(`handle ${target}`);
    return text(target, { mayBeSent: () => asked.push(`may ${target}`) > 0 });
  };
  const { port } = await serving(t, handle);
  const client = new RawClient(port).send("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
  await client.response();
  await client.response();
  assert.deepEqual(asked, ["handle /a", "may /a", "handle /b", "may /b"]);
  client.close();
});

// biome-ignore format: one row a line
const BUGS: readonly [because: string, handle: () => Promise<HttpResponse>][] = [
  ["a surface that throws",        () => { throw new Error("detail"); }],
  ["a surface that rejects",       () => Promise.reject(new Error("detail"))],
  ["a mayBeSent that throws",      async () => text("detail", { mayBeSent: () => { throw new Error("detail"); } })],
  ["a field that splits the head", async () => text("", { headers: [["X", "a\r\nSet-Cookie: detail"]] })],
  ["a field name that is none",    async () => text("", { headers: [["detail:", "x"]] })],
];

for (const [because, handle] of BUGS) {
  test(`500 without detail, and the error told: ${because}`, LIMIT, async (t) => {
    const { port, errors } = await serving(t, handle);
    const client = new RawClient(port).send(GET);
    const response = await client.response();
    assert.equal(response.status, 500);
    assert.ok(!/detail/i.test(`${JSON.stringify([...response.fields])}${response.body}`));
    assert.equal(errors.length, 1);
    assert.equal(await client.ending, "end");
    client.close();
  });
}

/** Sends one byte after the other, for as long as it lasts. */
async function drip(client: RawClient, bytes: string): Promise<void> {
  for (const byte of bytes) {
    if (client.socket.destroyed || client.received !== "") return;
    client.send(byte);
    await sleep(10);
  }
}

// biome-ignore format: one row a line
const SLOW: readonly [because: string, start: string, rest: string, status: number | undefined][] = [
  ["nothing is sent",                 "",                                               "",                 undefined],
  ["an empty line is all that is sent", "\r\n",                                       "",                 undefined],
  ["half a head is sent",             "GET / HTTP/1.1\r\n",                             "",                 400],
  ["a head comes byte by byte",       "GET / HTTP/1.1\r\n",                             "A: b\r\n".repeat(50), 400],
  ["half a body is sent",             "PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx",   "",                 400],
  ["a body comes byte by byte",       "PUT / HTTP/1.1\r\nContent-Length: 900\r\n\r\n",  "x".repeat(200),    400],
  ["the second request is but begun", `${GET}GET`,                                      " /aaaaaaaaaaaaaaa".repeat(9), 400],
];

for (const [because, start, rest, status] of SLOW) {
  test(`closed when ${because}${status === undefined ? "" : `, with ${status}`}`, LIMIT, async (t) => {
    const { server, port, requests } = await serving(t, echo, QUICK);
    const client = await RawClient.connected(port);
    const started = performance.now();
    client.send(start);
    if (start.startsWith(GET)) await client.response();
    await drip(client, rest);
    if (status !== undefined) assert.equal((await client.response()).status, status);
    assert.equal(await client.ending, "end");
    const elapsed = performance.now() - started;
    assert.ok(elapsed >= 70 && elapsed < 5_000, `after ${elapsed} ms`);
    assert.equal(requests.length, start.startsWith(GET) ? 1 : 0);
    await until(() => server.connectionCount() === 0);
    client.close();
  });
}

test(
  "an idle connection stays for the idle time, not the request's, and is then closed without a word",
  LIMIT,
  async (t) => {
    const { port } = await serving(t, echo, { ...QUICK, idleMs: 900 });
    const client = new RawClient(port).send(GET);
    await client.response();
    await sleep(150);
    await client.send(GET).response();
    const started = performance.now();
    assert.equal(await client.ending, "end");
    const elapsed = performance.now() - started;
    assert.ok(elapsed >= 890 && elapsed < 8_000, `after ${elapsed} ms`);
    assert.equal(client.received, "");
  },
);

test("a surface that never answers: 503 in time, and its late answer goes nowhere", LIMIT, async (t) => {
  const answer = deferred<HttpResponse>();
  const { port, accesses } = await serving(t, () => answer.promise, { ...QUICK, answerMs: 50 });
  const client = new RawClient(port).send(GET);
  assert.equal((await client.response()).status, 503);
  answer.resolve(text("late"));
  assert.equal(await client.ending, "end");
  assert.equal(client.received, "");
  assert.deepEqual(
    accesses.map(({ status, target, refusal }) => [status, target, refusal]),
    [[503, "/", "no answer in time"]],
  );
});

test("the 503 to a HEAD has no body either", LIMIT, async (t) => {
  const { port } = await serving(t, () => new Promise(() => {}), { ...QUICK, answerMs: 50 });
  const client = new RawClient(port).send("HEAD / HTTP/1.1\r\n\r\n");
  assert.equal((await client.response({ toHead: true })).status, 503);
  assert.equal(await client.ending, "end");
  assert.equal(client.received, "");
});

test("a client that never reads its answer is reset, and its memory freed", LIMIT, async (t) => {
  for (const status of [200, 404]) {
    const { server, port } = await serving(t, async () => text("x".repeat(32 << 20), { status }), QUICK);
    const client = await RawClient.connected(port);
    client.socket.pause();
    client.send(GET);
    await until(() => server.connectionCount() === 1);
    await until(() => server.connectionCount() === 0);
    client.socket.resume();
    assert.equal(await client.ending, "ECONNRESET");
  }
});

test("a client that goes while it is answered takes its answer with it", LIMIT, async (t) => {
  const answer = deferred<HttpResponse>();
  const { server, port, requests, accesses, errors } = await serving(t, () => answer.promise);
  const client = new RawClient(port).send(GET);
  await until(() => requests.length === 1);
  client.socket.resetAndDestroy();
  await until(() => server.connectionCount() === 0);
  answer.resolve(text("late"));
  await sleep(20);
  assert.deepEqual([accesses, errors], [[], []]);
});

test("a client may end its side after its requests and is still answered, each", LIMIT, async (t) => {
  const { server, port } = await serving(t, async ({ target }) => {
    await sleep(10);
    return text(target);
  });
  const client = new RawClient(port);
  client.socket.end("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\nGET /ha");
  assert.equal((await client.response()).body, "/a");
  assert.equal((await client.response()).body, "/b");
  assert.equal(await client.ending, "end");
  assert.equal(client.received, "");
  await until(() => server.connectionCount() === 0);
});

test("the answer to a refused request arrives although its sender sends all it has first", LIMIT, async (t) => {
  const { port } = await serving(t, echo, { lingerMs: 9_000 });
  const client = await RawClient.connected(port);
  client.socket.pause();
  const body = "x".repeat(30_000_000);
  await new Promise((resolve) =>
    client.socket.write(`PUT / HTTP/1.1\r\nContent-Length: ${body.length}\r\n\r\n${body}`, resolve),
  );
  client.socket.resume();
  assert.equal((await client.response()).status, 400);
  assert.equal(await client.ending, "end");
  client.close();
});

test("an empty line after a request begins no request: the connection is idle, not late", LIMIT, async (t) => {
  const { port } = await serving(t, echo, QUICK);
  const client = new RawClient(port).send(`${GET}\r\n`);
  await client.response();
  await sleep(130);
  assert.equal((await client.send(GET).response()).status, 200);
  client.close();
});

test(
  "what a client never reads is not kept for it: when the linger is over it is reset, not closed",
  LIMIT,
  async (t) => {
    const body = "x".repeat(400_000); // more than the client's kernel takes, less than the server's
    const { port } = await serving(t, async () => text(body, { status: 404 }), QUICK);
    const client = await RawClient.connected(port);
    client.socket.pause();
    client.send(GET);
    await sleep(500);
    client.socket.resume();
    assert.equal(await client.ending, "ECONNRESET");
    assert.ok(client.received.length < body.length);
  },
);
