import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import type { Peer } from "../../src/core/peer.ts";
import { DEFAULT_LIMITS, HttpServer } from "../../src/http/http-server.ts";
import { RawClient } from "./raw-client.ts";
import { deferred, echo, serving, sleep, text, until } from "./serving.ts";

const LIMIT = { timeout: 10_000 };
const GET = "GET / HTTP/1.1\r\n\r\n";

test("a request is handed on as it came, with its peer", LIMIT, async (t) => {
  const { port, requests } = await serving(t);
  const client = await RawClient.connected(port, "127.0.0.7");
  client.send("GET //latest/%6deta-data/?x HTTP/1.1\r\nHost: a\r\nToken: b\r\nTOKEN: c\r\n\r\n");
  assert.equal((await client.response()).body, "GET //latest/%6deta-data/?x");
  assert.deepEqual(requests, [
    {
      method: "GET",
      target: "//latest/%6deta-data/?x",
      version: "1.1",
      headers: new Map([
        ["host", ["a"]],
        ["token", ["b", "c"]],
      ]),
      peer: { address: "127.0.0.7", port: client.socket.localPort, isOnThisHost: true },
    },
  ]);
  client.close();
});

test("an IPv4 peer of a server on every address is seen as IPv4", LIMIT, async (t) => {
  const peers: Peer[] = [];
  const server = new HttpServer({
    now: () => Date.now(),
    handle: async ({ peer }) => {
      peers.push(peer);
      return text("");
    },
  });
  await server.listen({ port: 0 });
  t.after(() => server.close({ graceMs: 0 }));
  const client = new RawClient(server.address()?.port ?? 0).send(GET);
  await client.response();
  assert.deepEqual(peers, [{ address: "127.0.0.1", port: client.socket.localPort, isOnThisHost: true }]);
  client.close();
});

test("each answer is told with its peer, target, status and time", LIMIT, async (t) => {
  const { port, accesses } = await serving(t, async ({ target }) => text("", { status: target === "/" ? 200 : 404 }));
  const client = new RawClient(port).send(`${GET}GET /no HTTP/1.1\r\n\r\n`);
  await client.response();
  await client.response();
  assert.deepEqual(
    accesses.map(({ durationMs, ...rest }) => ({ ...rest, isTimed: durationMs >= 0 && durationMs < 5_000 })),
    [
      { peerAddress: "127.0.0.1", method: "GET", target: "/", status: 200, refusal: undefined, isTimed: true },
      { peerAddress: "127.0.0.1", method: "GET", target: "/no", status: 404, refusal: undefined, isTimed: true },
    ],
  );
});

test("what cannot be read is answered with a page that repeats nothing, and told with the reason", LIMIT, async (t) => {
  const { port, requests, accesses } = await serving(t);
  const client = new RawClient(port).send(`${GET}GET /second HTTP/1.1\r\nEvil<script> : x\r\n\r\n${GET}`);
  assert.equal((await client.response()).status, 200);
  const refused = await client.response();
  assert.equal(refused.status, 400);
  assert.equal(refused.fields.get("connection"), "close");
  assert.ok(!/evil|second/i.test(refused.body));
  assert.equal(await client.ending, "end");
  assert.equal(client.received, "");
  assert.equal(requests.length, 1);
  assert.deepEqual(
    accesses.map(({ status, method, refusal }) => [status, method, refusal?.startsWith("field name")]),
    [
      [200, "GET", undefined],
      [400, undefined, true],
    ],
  );
});

test("the 65th connection of a peer costs it its idlest, and no one else anything", LIMIT, async (t) => {
  const { server, port } = await serving(t, echo, { sweepEveryMs: 10 });
  const neighbour = new RawClient(port, "127.0.0.9").send(GET);
  await neighbour.response();
  const clients: RawClient[] = [];
  for (let count = 0; count < 64; count += 1) {
    const client = await RawClient.connected(port);
    client.send(GET);
    await client.response();
    clients.push(client);
  }
  const [first, second] = clients;
  assert.ok(first && second);
  await sleep(30);
  first.send(GET);
  await first.response();
  assert.equal(server.connectionCount(), 65);
  const late = new RawClient(port).send(GET);
  await late.response();
  assert.equal(await second.ending, "end");
  assert.equal(server.connectionCount(), 65);
  for (const client of [first, neighbour, late]) assert.equal((await client.send(GET).response()).status, 200);
  for (const client of [...clients, neighbour, late]) client.close();
  await until(() => server.connectionCount() === 0);
});

test("the limits are those that are documented: 5 s for a request, 120 s idle, 64 connections a workload", () => {
  const { requestMs, idleMs, connectionsPerPeer } = DEFAULT_LIMITS;
  assert.deepEqual([requestMs, idleMs, connectionsPerPeer], [5_000, 120_000, 64]);
});

test("one connection more than there is room for costs whoever has the most its idlest", LIMIT, async (t) => {
  const { server, port } = await serving(t, echo, { connectionsInAll: 4, sweepEveryMs: 10 });
  const answered = async (address: string): Promise<RawClient> => {
    const client = new RawClient(port, address).send(GET);
    await client.response();
    await sleep(30);
    return client;
  };
  const single = await answered("127.0.0.5");
  const many = [await answered("127.0.0.6"), await answered("127.0.0.6"), await answered("127.0.0.6")];
  const late = await answered("127.0.0.7");
  assert.equal(await many[0]?.ending, "end");
  assert.equal(server.connectionCount(), 4);
  for (const client of [single, ...many.slice(1), late]) assert.equal((await client.send(GET).response()).status, 200);
  for (const client of [single, ...many, late]) client.close();
});

test("where everybody has one connection, the newcomer costs the longest unused", LIMIT, async (t) => {
  const { port } = await serving(t, echo, { connectionsInAll: 2, sweepEveryMs: 10 });
  const first = new RawClient(port, "127.0.0.5").send(GET);
  await first.response();
  await sleep(30);
  const second = new RawClient(port, "127.0.0.6").send(GET);
  await second.response();
  await sleep(30);
  await first.send(GET).response();
  const late = new RawClient(port, "127.0.0.7").send(GET);
  assert.equal((await late.response()).status, 200);
  assert.equal(await second.ending, "end");
  for (const client of [first, late]) client.close();
});

test("a connection that is being answered outlives idle ones when its peer opens too many", LIMIT, async (t) => {
  const answer = deferred<void>();
  const handle = async ({ target }: { target: string }) => {
    if (target === "/slow") await answer.promise;
    return text(target);
  };
  const { port, requests } = await serving(t, handle, { connectionsPerPeer: 2, sweepEveryMs: 10 });
  const slow = new RawClient(port).send("GET /slow HTTP/1.1\r\n\r\n");
  await until(() => requests.length === 1);
  await sleep(30);
  const idle = new RawClient(port).send(GET);
  await idle.response();
  const late = new RawClient(port).send(GET);
  await late.response();
  assert.equal(await idle.ending, "end");
  answer.resolve();
  assert.equal((await slow.response()).body, "/slow");
  slow.close();
  late.close();
});

test(
  "a reset peer gets RST and not a byte, whatever was being computed for it; others are not touched",
  LIMIT,
  async (t) => {
    const answer = deferred<void>();
    const handle = async () => {
      await answer.promise;
      return text("secret");
    };
    const { server, port, requests, accesses } = await serving(t, handle);
    const victims = [new RawClient(port, "127.0.0.5").send(GET), new RawClient(port, "127.0.0.5").send(GET)];
    const other = new RawClient(port, "127.0.0.6").send(GET);
    await until(() => requests.length === 3);
    assert.equal(server.resetPeer("127.0.0.5"), 2);
    assert.equal(server.resetPeer("127.0.0.5"), 0);
    assert.equal(server.connectionCount(), 1);
    answer.resolve();
    for (const victim of victims) {
      assert.equal(await victim.ending, "ECONNRESET");
      assert.equal(victim.received, "");
    }
    assert.equal((await other.response()).body, "secret");
    assert.equal(accesses.length, 1);
    other.close();
  },
);

test("a reset takes back what the client has not yet taken", LIMIT, async (t) => {
  const size = 32 * 1024 * 1024;
  const { server, port, accesses } = await serving(t, async () => text("x".repeat(size)));
  const client = await RawClient.connected(port);
  client.socket.pause();
  client.send(GET);
  await until(() => accesses.length === 1);
  assert.equal(server.resetPeer("127.0.0.1"), 1);
  client.socket.resume();
  assert.equal(await client.ending, "ECONNRESET");
  assert.ok(client.received.length < size);
});

test("a graceful close ends idle connections, answers what is under way, and then is done", LIMIT, async (t) => {
  const answer = deferred<void>();
  const handle = async ({ target }: { target: string }) => {
    if (target === "/slow") await answer.promise;
    return text(target);
  };
  const { server, port, requests } = await serving(t, handle);
  const idle = new RawClient(port).send(GET);
  await idle.response();
  const slow = new RawClient(port).send("GET /slow HTTP/1.1\r\n\r\n");
  const half = new RawClient(port).send("GET /half HTTP/1.1\r\n");
  await until(() => requests.length === 2 && server.connectionCount() === 3);
  await sleep(20);
  let isClosed = false;
  const closed = server.close({ graceMs: 5_000 }).then(() => {
    isClosed = true;
  });
  assert.equal(await idle.ending, "end");
  const refused = new RawClient(port);
  assert.equal(await refused.ending, "ECONNREFUSED");
  half.send("\r\n");
  assert.equal((await half.response()).fields.get("connection"), "close");
  assert.equal(isClosed, false);
  answer.resolve();
  const last = await slow.response();
  assert.equal(last.body, "/slow");
  assert.equal(last.fields.get("connection"), "close");
  assert.equal(await slow.ending, "end");
  for (const client of [idle, slow, half]) client.close();
  await closed;
  assert.equal(server.connectionCount(), 0);
});

test(
  "winding down, new connections are answered still, and whoever kept one alive asks once more and hears of the end",
  LIMIT,
  async (t) => {
    const { server, port } = await serving(t);
    const kept = new RawClient(port).send(GET);
    assert.equal((await kept.response()).fields.get("connection"), undefined);
    const wound = server.windDown({ answersMs: 5_000, keptAliveMs: 5_000 });
    const fresh = new RawClient(port).send(GET);
    assert.equal((await fresh.response()).fields.get("connection"), "close");
    kept.send(GET);
    assert.equal((await kept.response()).fields.get("connection"), "close");
    assert.equal(await kept.ending, "end");
    for (const client of [kept, fresh]) client.close();
    await wound;
  },
);

test(
  "winding down takes as long as the slowest answer under way, and whoever comes meanwhile is served",
  LIMIT,
  async (t) => {
    const answer = deferred<void>();
    const handle = async ({ target }: { target: string }) => {
      if (target === "/slow") await answer.promise;
      return text(target);
    };
    const { server, port, requests } = await serving(t, handle);
    const slow = new RawClient(port).send("GET /slow HTTP/1.1\r\n\r\n");
    await until(() => requests.length === 1);
    let isOver = false;
    const wound = server.windDown({ answersMs: 10_000, keptAliveMs: 0 }).then(() => {
      isOver = true;
    });
    await sleep(50);
    const other = new RawClient(port).send(GET);
    assert.equal((await other.response()).status, 200);
    assert.equal(isOver, false);
    answer.resolve();
    assert.equal((await slow.response()).fields.get("connection"), "close");
    await wound;
    for (const client of [slow, other]) client.close();
  },
);

test(
  "winding down does not wait for a kept connection, nor for an answer that hangs, longer than it is told to",
  LIMIT,
  async (t) => {
    const { server, port, requests } = await serving(t, ({ target }) =>
      target === "/slow" ? new Promise(() => {}) : Promise.resolve(text(target)),
    );
    const kept = new RawClient(port).send(GET);
    await kept.response();
    const slow = new RawClient(port).send("GET /slow HTTP/1.1\r\n\r\n");
    await until(() => requests.length === 2);
    await server.windDown({ answersMs: 50, keptAliveMs: 50 });
    await server.close({ graceMs: 50 });
    assert.equal(await kept.ending, "end");
    assert.equal(await slow.ending, "end");
  },
);

test("a close waits for a client that has only just connected", LIMIT, async (t) => {
  const { server, port } = await serving(t, echo, { sweepEveryMs: 60_000 });
  const fresh = await RawClient.connected(port);
  await until(() => server.connectionCount() === 1);
  const closed = server.close({ graceMs: 10_000 });
  fresh.send(GET);
  assert.equal((await fresh.response()).fields.get("connection"), "close");
  fresh.close();
  await closed;
});

test("a close does not wait for a client that has been silent since it connected", LIMIT, async (t) => {
  const { server, port } = await serving(t, echo, { sweepEveryMs: 20 });
  const silent = await RawClient.connected(port);
  await sleep(200);
  const closed = server.close({ graceMs: 10_000 });
  assert.equal(await silent.ending, "end");
  silent.close();
  await closed;
});

test("after the grace, what is left is destroyed", LIMIT, async (t) => {
  const { server, port, requests } = await serving(t, () => new Promise(() => {}));
  const stuck = new RawClient(port).send(GET);
  await until(() => requests.length === 1);
  await server.close({ graceMs: 50 });
  assert.equal(server.connectionCount(), 0);
  assert.equal(await stuck.ending, "end");
  assert.equal(stuck.received, "");
});

/** Connects and resets at once, many times. */
const COME_AND_GO = `
  const { connect } = require("node:net");
  for (let i = 0; i < 50; i++) {
    const socket = connect(Number(process.argv[1]), "127.0.0.1", () => socket.resetAndDestroy());
    socket.on("error", () => {});
  }`;

test("peers that are gone before they are accepted are dropped, and nothing is thrown", LIMIT, async (t) => {
  const { server, port, requests } = await serving(t);
  // While this waits the server accepts nothing; afterwards it is handed sockets without a remote address.
  execFileSync(process.execPath, ["-e", COME_AND_GO, String(port)]);
  const client = new RawClient(port).send(GET);
  assert.equal((await client.response()).status, 200);
  client.close();
  await until(() => server.connectionCount() === 0);
  assert.equal(requests.length, 1);
});

test("an address in use is refused, and told to the caller", LIMIT, async (t) => {
  const { port } = await serving(t);
  const second = new HttpServer({ now: () => Date.now(), handle: echo });
  await assert.rejects(second.listen({ host: "127.0.0.1", port }), { code: "EADDRINUSE" });
  assert.equal(second.address(), undefined);
  await second.close({ graceMs: 0 });
});

const run = promisify(execFile);

test("curl: two requests on one connection, HEAD, a chunked PUT with Expect, HTTP/1.0", LIMIT, async (t) => {
  const hasCurl = await run("curl", ["--version"]).then(
    () => true,
    () => false,
  );
  if (!hasCurl) {
    assert.notEqual(process.env["REQUIRE_ALL"], "1");
    t.skip("needs curl");
    return;
  }
  const { port, requests } = await serving(t);
  const url = `http://127.0.0.1:${port}`;
  const curl = async (...args: string[]): Promise<string> => (await run("curl", ["-sS", ...args])).stdout;
  assert.equal(await curl(`${url}/a`, `${url}/b`), "GET /aGET /b");
  assert.deepEqual(requests[0]?.peer, requests[1]?.peer);
  assert.match(await curl("--head", `${url}/c`), /^HTTP\/1.1 200 OK\r\n[\s\S]*Content-Length: 7\r\n\r\n$/);
  const put = await curl(
    "-i",
    "-X",
    "PUT",
    "-H",
    "Expect: 100-continue",
    "-H",
    "Transfer-Encoding: chunked",
    "-d",
    "x",
    url,
  );
  assert.match(put, /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK\r\n[\s\S]*PUT \/$/);
  assert.match(await curl("-i", "--http1.0", url), /\r\nConnection: close\r\n/);
});
