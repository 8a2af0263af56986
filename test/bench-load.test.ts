import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, type TestContext, test } from "node:test";
import { type LoadRun, runLoad } from "../bench/load.ts";
import { type Command, cCompiler, compileC, nodeCommand, removeDirectory } from "../bench/programs.ts";

const LOADS: Record<string, Command | undefined> = { "node:net": nodeCommand("load-node.ts"), C: undefined };
const ADDRESSES = ["127.1.0.1", "127.1.0.2", "127.1.0.3"];

before(() => {
  if (cCompiler() === undefined) return;
  const directory = mkdtempSync(join(tmpdir(), "bench-load-"));
  process.once("exit", () => removeDirectory(directory));
  LOADS["C"] = [compileC("load.c", directory)];
});

/** How the server answers; what is not given is as it must be. */
interface Behaviour {
  /** Of the token, the list and the document. */
  readonly status?: (path: string, count: number) => string;
  readonly key?: (from: string, count: number) => string;
  readonly document?: (key: string) => string;
  /** Closes after so much of an answer. */
  readonly bytes?: number;
}

interface Served {
  readonly port: number;
  readonly seen: { readonly from: string; readonly head: string }[];
  connections: number;
}

const keyOf = (from: string): string => `ASIA${from.replaceAll(".", "").padEnd(16, "A")}`;
const documentOf = (key: string): string =>
  `{\n  "Code" : "Success",\n  "AccessKeyId" : "${key}",\n  "SecretAccessKey" : "x",\n  "Token" : "y"\n}`;

/** A metadata service that tells its clients apart by address and honours only the token it gave them. */
async function serve(t: TestContext, behaviour: Behaviour = {}): Promise<Served> {
  const sockets = new Set<Socket>();
  const served: Served = { port: 0, seen: [], connections: 0 };
  const server = createServer((socket) => {
    sockets.add(socket);
    served.connections += 1;
    socket.on("error", () => {});
    socket.on("data", (bytes) => answer(socket, bytes.toString("latin1"), { served, behaviour }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return Object.assign(served, { port: address && typeof address === "object" ? address.port : 0 });
}

function answer(socket: Socket, head: string, parts: { served: Served; behaviour: Behaviour }): void {
  const from = socket.remoteAddress ?? "";
  const { seen } = parts.served;
  seen.push({ from, head });
  const { status = () => "200 OK", bytes } = parts.behaviour;
  const path = head.split(" ")[1] ?? "";
  const isTrusted = head.startsWith("PUT ") || head.includes(`\r\nx-aws-ec2-metadata-token: token-of-${from}\r\n`);
  const text = bodyOf(path, from, parts);
  const line = isTrusted ? status(path, seen.length) : "401 Unauthorized";
  socket.write(`HTTP/1.1 ${line}\r\nContent-Length: ${text.length}\r\n\r\n${text}`.slice(0, bytes));
  if (bytes !== undefined || head.includes("\r\nConnection: close\r\n")) socket.end();
}

function bodyOf(path: string, from: string, { served, behaviour }: { served: Served; behaviour: Behaviour }): string {
  const { key = keyOf, document = documentOf } = behaviour;
  if (path === "/latest/api/token") return `token-of-${from}`;
  return path.endsWith("/") ? "reader" : document(key(from, served.seen.length));
}

function loadNamed(name: string, t: TestContext): Command | undefined {
  const load = LOADS[name];
  if (load !== undefined) return load;
  if (process.env["REQUIRE_ALL"] === "1") assert.fail("needs a C compiler");
  t.skip("needs a C compiler: the load in C was not tested");
  return undefined;
}

const runOf = (port: number, over: Partial<LoadRun> = {}): LoadRun => ({
  ...{ port, addresses: ADDRESSES, atOnce: 2, seconds: 0.2, connections: "one", mode: "warm" },
  ...over,
});

for (const name of Object.keys(LOADS)) {
  test(`the load in ${name} asks as SDKs do, each container from its own address with its own token`, async (t) => {
    const load = loadNamed(name, t);
    if (!load) return;
    const served = await serve(t);
    const result = await runLoad(load, runOf(served.port));
    assert.equal(result.keys, ADDRESSES.length);
    assert.equal(served.seen.length, result.sequences * 3);
    assert.equal(served.connections, result.sequences);
    assert.deepEqual([...new Set(served.seen.map(({ from }) => from))].sort(), ADDRESSES);
    assert.ok(served.seen.every(({ head }) => head.includes("\r\nHost: 169.254.169.254\r\n")));
    assert.ok(result.p50Us > 0 && result.p99Us >= result.p50Us && result.seconds >= 0.2);
  });

  test(`the load in ${name} takes a connection for each request when told so`, async (t) => {
    const load = loadNamed(name, t);
    if (!load) return;
    const served = await serve(t);
    const { sequences } = await runLoad(load, runOf(served.port, { connections: "three" }));
    assert.equal(served.connections, sequences * 3);
  });

  test(`the load in ${name} asks each container once when cold, and again after a 503`, async (t) => {
    const load = loadNamed(name, t);
    if (!load) return;
    const served = await serve(t, { status: (_path, count) => (count === 3 ? "503 Not Ready" : "200 OK") });
    const result = await runLoad(load, runOf(served.port, { mode: "cold", seconds: 10, atOnce: 1 }));
    assert.equal(result.sequences, ADDRESSES.length);
    assert.equal(result.retries, 1);
  });

  const wrong: Record<string, [Behaviour, RegExp]> = {
    "a status that is not 200": [{ status: (path) => (path.endsWith("/") ? "404 Not Found" : "200 OK") }, /not 200/],
    "a 503 when warm": [{ status: () => "503 Not Ready" }, /not 200/],
    "a document without a key": [{ document: () => '{"Code" : "Success"}' }, /no credentials/],
    "a document that says failure": [{ document: (key) => documentOf(key).replace("Success", "Failed") }, /no credent/],
    "a key that changes": [{ key: (_from, count) => `ASIA${String(count).padStart(16, "0")}` }, /another key/],
    "half an answer": [{ bytes: 30 }, /closed before the end/],
  };
  for (const [what, [behaviour, words]] of Object.entries(wrong)) {
    test(`the load in ${name} makes the bench fail on ${what}`, async (t) => {
      const load = loadNamed(name, t);
      if (!load) return;
      const { port } = await serve(t, behaviour);
      await assert.rejects(runLoad(load, runOf(port)), words);
    });
  }
}

test("a server that nobody runs is no figure", async () => {
  const load = LOADS["node:net"];
  assert.ok(load);
  await assert.rejects(runLoad(load, runOf(1)), /wrong answers|no sequence/);
});
