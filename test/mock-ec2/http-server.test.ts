import assert from "node:assert/strict";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import type { MockRequest } from "../../src/mock-ec2/http-exchange.ts";
import { type HttpServerOptions, startHttpServer } from "../../src/mock-ec2/http-server.ts";
import { NOON } from "./sts-bench.ts";

async function serve(t: TestContext, parts: Partial<HttpServerOptions> = {}) {
  const seen: MockRequest[] = [];
  const server = await startHttpServer({
    host: "127.0.0.1",
    port: 0,
    maxBodyBytes: 8,
    closeAfterAnswer: true,
    serverName: "EC2ws",
    now: () => NOON,
    answer: (request) => {
      seen.push(request);
      return { status: 200, headers: [["Content-Type", "text/plain"]], body: "grün" };
    },
    ...parts,
  });
  t.after(() => server.close());
  return { server, seen, port: Number(new URL(server.url).port) };
}

/** Sends bytes and returns all that comes back until the other side closes. */
const exchange = (port: number, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.on("data", (chunk) => {
      answer += chunk.toString("utf8");
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });

test("an answer is written byte for byte, and the connection closes", async (t) => {
  const { port } = await serve(t);
  assert.equal(
    await exchange(port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nDate: Wed, 02 Jan 2030 03:04:05 GMT\r\nServer: EC2ws\r\nConnection: close\r\n\r\ngrün",
  );
});

test("HEAD has the headers of a GET and no body", async (t) => {
  const { port } = await serve(t);
  const answer = await exchange(port, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.match(answer, /\r\nContent-Length: 5\r\n/);
  assert.ok(answer.endsWith("\r\n\r\n"));
});

test("HTTP/1.0, no Host, a chunked body that waits for 100-continue: all are answered", async (t) => {
  const { port, seen } = await serve(t);
  for (const request of [
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
  ]) {
    assert.match(await exchange(port, request), /HTTP\/1\.1 200 OK/, request);
  }
  assert.equal(Buffer.from(seen[2]?.body ?? []).toString(), "abc");
});

test("repeated headers, odd targets and white space come through as they were sent", async (t) => {
  const { port, seen } = await serve(t);
  await exchange(port, "GET //a/%2e?x=%20#f HTTP/1.1\r\nHost: x\r\nA: 1\r\na:  2\r\n\r\n");
  assert.equal(seen[0]?.target, "//a/%2e?x=%20#f");
  assert.deepEqual(seen[0]?.headers.get("a"), ["1", "2"]);
});

test("a body beyond the limit is cut, but is still seen to be beyond it", async (t) => {
  const { port, seen } = await serve(t);
  await exchange(port, `PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n${"x".repeat(100_000)}`);
  assert.equal(seen[0]?.body.length, 9);
});

test("a service that keeps connections answers several requests on one", async (t) => {
  const { port } = await serve(t, { closeAfterAnswer: false });
  const last = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  const answers = await exchange(port, `GET / HTTP/1.1\r\nHost: x\r\n\r\n${last}`);
  assert.equal(answers.match(/HTTP\/1\.1 200 OK/g)?.length, 2);
});

test("a client that leaves in the middle of its body harms nobody", async (t) => {
  const { port, seen } = await serve(t);
  const socket = connect(port, "127.0.0.1", () =>
    socket.write("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab"),
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.destroy();
  assert.match(await exchange(port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), /200 OK/);
  assert.equal(seen.length, 1);
});

test("closing ends connections that are still open", async (t) => {
  const { server, port } = await serve(t, { closeAfterAnswer: false });
  const open = exchange(port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").catch(() => "reset");
  await new Promise((resolve) => setTimeout(resolve, 50));
  await server.close();
  await open;
});

test("a taken address is the system's own error", async (t) => {
  const { port } = await serve(t);
  await assert.rejects(serve(t, { port }), { code: "EADDRINUSE" });
});
