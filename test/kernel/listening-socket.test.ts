import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { freePort } from "../../bench/programs.ts";
import { type ListeningSocket, listeningSocket } from "../../src/kernel/listening-socket.ts";
import { attempt } from "../../src/kit/attempt.ts";

/** By what each leads to, since a number is used again as soon as it is free. */
function ownSockets(): ReadonlyMap<string, number> {
  const links = readdirSync("/proc/self/fd").map(
    (fd) => [attempt(() => readlinkSync(`/proc/self/fd/${fd}`)), fd] as const,
  );
  return new Map(links.flatMap(([link, fd]) => (link?.startsWith("socket:") ? [[link, Number(fd)]] : [])));
}

/** What the sockets are that came to be meanwhile. */
async function newSockets(make: () => Promise<unknown>): Promise<readonly (ListeningSocket | undefined)[]> {
  const before = ownSockets();
  await make();
  return [...ownSockets()].filter(([link]) => !before.has(link)).map(([, fd]) => listeningSocket(fd));
}

async function listening(t: TestContext, target: object): Promise<Server> {
  const server = createServer().listen(target);
  await once(server, "listening");
  t.after(() => server.close());
  return server;
}

for (const host of ["127.0.0.1", "::"]) {
  test(`a TCP socket that listens on ${host} is told by its port`, async (t) => {
    const port = await freePort();
    assert.deepEqual(await newSockets(() => listening(t, { host, port })), [{ kind: "tcp", port }]);
  });
}

test("a number that stands elsewhere in the kernel's table is no socket's", async (t) => {
  const before = ownSockets();
  await listening(t, { host: "127.0.0.1", port: 0 });
  const [link = "", fd = -1] = [...ownSockets()].find(([found]) => !before.has(found)) ?? [];
  const number = /\d+/.exec(link)?.[0];
  const line = (timer: string | undefined, inode: string | undefined, port: string) =>
    `   0: 0100007F:${port} 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0  ${timer} ${inode} 1 0 100 0 0 10 0\n`;
  const table = `  sl  local_address rem_address …\n${line(number, "7", "0001")}${line("0", number, "2426")}`;
  assert.deepEqual(
    listeningSocket(fd, () => table),
    { kind: "tcp", port: 0x2426 },
  );
});

test("a unix socket that listens is told by its path", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "listening-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "a.sock");
  assert.deepEqual(await newSockets(() => listening(t, { path })), [{ kind: "unix", path }]);
});

test("what does not listen is none: a connection, a datagram socket, a file, nothing at all", async (t) => {
  const server = await listening(t, { host: "127.0.0.1", port: 0 });
  server.on("connection", (socket) => socket.unref());
  const { port } = server.address() as { port: number };
  const connected = await newSockets(async () => {
    const client = connect(port, "127.0.0.1");
    t.after(() => client.destroy());
    await once(client, "connect");
  });
  assert.ok(connected.length > 0 && connected.every((one) => one === undefined));
  const datagrams = createSocket("udp4");
  t.after(() => datagrams.close());
  const bound = await newSockets(() => {
    datagrams.bind(0, "127.0.0.1");
    return once(datagrams, "listening");
  });
  assert.deepEqual(bound, [undefined]);
  assert.equal(listeningSocket(1_000_000), undefined);
});
