import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { type TestContext, test } from "node:test";
import type { EngineEvent } from "../../src/docker/engine.ts";
import { EngineClient } from "../../src/docker/engine-client.ts";
import type { EngineError } from "../../src/docker/engine-error.ts";
import { eventually } from "./bench.ts";
import { eventLine, FakeEngine } from "./fake-engine.ts";

const HAPPENED = 1_700_000_000_250;

async function client(t: TestContext, set: (engine: FakeEngine) => void = () => {}) {
  const engine = new FakeEngine();
  set(engine);
  await engine.listen();
  t.after(() => engine.destroy());
  return { engine, docker: new EngineClient({ endpoint: engine.endpoint }) };
}

/** Root may open every socket. */
const NOBODY = 65_534;

const query = { types: ["container"], actions: ["die"], sinceSeconds: 42 };

const isEngineError =
  (kind: EngineError["kind"], words: RegExp = /./) =>
  (error: unknown): boolean => {
    assert.equal((error as EngineError).kind, kind);
    assert.match((error as EngineError).message, words);
    return true;
  };

for (const [engineVersion, minimum, spoken] of [
  ["1.41", "1.12", "1.41"],
  ["1.51", "1.24", "1.45"],
  ["1.56", "1.40", "1.45"],
  ["1.70", "1.50", "1.50"],
  ["1.44", "", "1.44"],
] as const) {
  test(`with an Engine of ${engineVersion} (minimum ${minimum || "none"}) API ${spoken} is spoken`, async (t) => {
    const { engine, docker } = await client(t, (fake) =>
      Object.assign(fake, { apiVersion: engineVersion, minApiVersion: minimum || "1.0" }),
    );
    assert.deepEqual(await docker.listNetworks(), []);
    await docker.listNetworks();
    assert.deepEqual(engine.versions, [spoken, spoken]);
    assert.equal(engine.countOf(/^GET \/version$/), 1, "agreed on once");
  });
}

test("an Engine replaced by one that speaks other versions is spoken to anew", async (t) => {
  const { engine, docker } = await client(t);
  await docker.listNetworks();
  Object.assign(engine, { apiVersion: "1.56", minApiVersion: "1.44" });
  assert.deepEqual(await docker.listNetworks(), []);
  assert.equal(engine.versions.at(-1), "1.45");
  Object.assign(engine, { apiVersion: "1.40", minApiVersion: "1.12" });
  await docker.events(query, AbortSignal.timeout(1_000));
  assert.equal(engine.versions.at(-1), "1.40");
});

test("those that run and bear a label are listed with all their labels", async (t) => {
  const { engine, docker } = await client(t);
  const network = engine.addNetwork({ name: "n" });
  const label = 'odd "name"&x=1';
  const web = engine.run({ network, labels: { [label]: "a", other: "b" } });
  engine.run({ network, labels: { other: "b" } });
  engine.run({ network, labels: null });
  engine.run({ network, labels: { [label]: "a" }, running: false });
  assert.deepEqual(await docker.runningWithLabel(label), [{ id: web.Id, labels: { [label]: "a", other: "b" } }]);
});

test("the field names of the Engine are translated", async (t) => {
  const { engine, docker } = await client(t);
  const id = engine.addNetwork({ name: "n", subnets: ["172.18.0.0/16", "fd00::/64"] });
  const web = engine.run({ network: id, ip: "172.18.0.2/16", ip6: "fd00::0:2/64", name: "web", env: ["A=b"] });
  engine.connect(id, web.Id, {
    IPv4Address: "172.18.0.2/16",
    IPv6Address: "fd00::0:2/64",
    MacAddress: "02:42:ac:12:00:02",
  });
  const [summary] = await docker.listNetworks();
  assert.deepEqual(summary, { id, name: "n", driver: "bridge", subnets: ["172.18.0.0/16", "fd00::/64"] });
  assert.deepEqual(await docker.inspectNetwork(id), {
    ...summary,
    members: [{ containerId: web.Id, addresses: ["172.18.0.2", "fd00::2"], macAddress: "02:42:ac:12:00:02" }],
  });
  assert.deepEqual(await docker.inspectContainer(web.Id), {
    id: web.Id,
    name: "web",
    running: true,
    pid: web.Pid,
    startedAt: web.StartedAt,
    image: "busybox",
    imageId: `sha256:${"b".repeat(64)}`,
    userNamespace: "host",
    labels: {},
    env: ["A=b"],
    guestOf: undefined,
    attachments: [
      { networkId: id, networkName: "n", addresses: ["172.18.0.2", "fd00::2"], macAddress: "02:42:ac:12:00:02" },
    ],
  });
});

test("a container's labels are texts, and as many as four megabytes hold", async (t) => {
  const { engine, docker } = await client(t);
  const network = engine.addNetwork({ name: "n" });
  const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`label-${i}`, "v"]));
  const web = engine.run({ network, labels: many });
  assert.equal(Object.keys((await docker.inspectContainer(web.Id)).labels).length, 100_000);
  const book = engine.run({ network, labels: { book: "x".repeat(4 << 20) } });
  await assert.rejects(docker.inspectContainer(book.Id), isEngineError("bad-answer", /more than 4194304 bytes/));
  for (const labels of [{ a: 1 }, ["a"], "a"]) {
    const odd = engine.run({ network, labels: labels as never });
    await assert.rejects(docker.inspectContainer(odd.Id), isEngineError("bad-answer", /field Config\.Labels/));
  }
});

test("an id cannot lead the path astray", async (t) => {
  const { engine, docker } = await client(t);
  await assert.rejects(docker.inspectNetwork("../containers/json?x=#"), isEngineError("not-found"));
  assert.equal(engine.calls.at(-1), "GET /networks/..%2Fcontainers%2Fjson%3Fx%3D%23");
});

test("each way of failing has its kind, its endpoint and its remedy", async (t) => {
  const { engine, docker } = await client(t);
  await docker.listNetworks();
  const call = () => docker.listNetworks();
  engine.fault = () => [404, "{}"];
  await assert.rejects(call(), isEngineError("not-found"));
  engine.fault = () => [500, '{"message":"no such socket"}'];
  await assert.rejects(call(), isEngineError("bad-answer", /status 500/));
  engine.fault = () => [200, "<html>"];
  await assert.rejects(call(), isEngineError("bad-answer", /not the JSON expected.*dockerEndpoint/));
  engine.fault = () => [200, '[{"Id":"x","Name":5}]'];
  await assert.rejects(call(), isEngineError("bad-answer", /field 0\.Name/));
  engine.fault = () => "hang-up";
  await assert.rejects(call(), isEngineError("unreachable", /ECONNRESET/));
  engine.fault = () => "hang";
  const hasty = new EngineClient({ endpoint: engine.endpoint, callTimeoutMs: 50, inspectTimeoutMs: 50 });
  await assert.rejects(hasty.listNetworks(), isEngineError("timeout", /50 ms.*docker ps/));
  await engine.close();
  await assert.rejects(call(), isEngineError("missing-socket", /no socket at unix:.*start Docker.*dockerEndpoint/));
  writeFileSync(engine.socketPath, "");
  await assert.rejects(call(), isEngineError("refused", /start Docker/));
});

test("a socket that this user may not open is told from one that is missing", async (t) => {
  const { engine, docker } = await client(t);
  chmodSync(engine.socketPath, 0);
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(NOBODY);
  try {
    await assert.rejects(docker.listNetworks(), isEngineError("permission", /group docker/));
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});

test("an Engine is reached over tcp and http too, and what is no HTTP is a bad answer", async (t) => {
  const server = createServer((request, response) =>
    response.end(request.url === "/version" ? '{"ApiVersion":"1.41"}' : "[]"),
  );
  const garbage = createTcpServer((socket) => socket.on("error", () => {}).end("SSH-2.0-x\r\n\r\n"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await new Promise<void>((resolve) => garbage.listen(0, "127.0.0.1", resolve));
  t.after(() => [server.close(), garbage.close()]);
  const at = (scheme: string, { port }: AddressInfo) => new EngineClient({ endpoint: `${scheme}://127.0.0.1:${port}` });
  assert.deepEqual(await at("tcp", server.address() as AddressInfo).listNetworks(), []);
  assert.deepEqual(await at("http", server.address() as AddressInfo).listNetworks(), []);
  await assert.rejects(at("tcp", garbage.address() as AddressInfo).listNetworks(), isEngineError("bad-answer"));
});

test("an endless answer is cut off", async (t) => {
  const server = createServer((request, response) => {
    if (request.url === "/version") return void response.end('{"ApiVersion":"1.41"}');
    const block = Buffer.alloc(1024 * 1024, 32);
    const pour = (): void => {
      while (!response.destroyed && response.write(block));
    };
    response.on("drain", pour).on("error", () => {});
    pour();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const docker = new EngineClient({ endpoint: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}` });
  await assert.rejects(docker.listNetworks(), isEngineError("bad-answer", /more than \d+ bytes/));
});

test("a dockerEndpoint that names none is refused at once, with the reason", () => {
  assert.throws(() => new EngineClient({ endpoint: "docker.sock" }), /dockerEndpoint .* current value is docker\.sock/);
});

test("events are subscribed to with filters and a beginning, and come parsed however they are cut", async (t) => {
  const { engine, docker } = await client(t);
  const stop = new AbortController();
  const events = await docker.events(query, stop.signal);
  assert.deepEqual(Object.fromEntries(engine.subscriptions[0] ?? []), {
    since: "42",
    filters: '{"type":["container"],"event":["die"]}',
  });
  const old = { status: "die", id: "é1", from: "busybox", Type: "container", Action: "die", Actor: { ID: "é1" } };
  const text =
    eventLine(old, HAPPENED) +
    eventLine({ Type: "network", Action: "connect", Actor: { ID: "n", Attributes: { container: "c" } } }, HAPPENED);
  for (const byte of Buffer.from(text)) engine.sendRaw(Buffer.of(byte));
  const seen: EngineEvent[] = [];
  for await (const event of events) {
    seen.push(event);
    if (seen.length === 2) break;
  }
  assert.deepEqual(seen, [
    { type: "container", action: "die", actorId: "é1", attributes: {}, happenedAt: HAPPENED },
    { type: "network", action: "connect", actorId: "n", attributes: { container: "c" }, happenedAt: HAPPENED },
  ]);
  await eventually(() => assert.equal(engine.subscribers, 0, "whoever stops listening hangs up"));
});

test("a subscription aborted before anyone reads it hangs up", async (t) => {
  const { engine, docker } = await client(t);
  const stop = new AbortController();
  await docker.events(query, stop.signal);
  await eventually(() => assert.equal(engine.subscribers, 1));
  stop.abort();
  await eventually(() => assert.equal(engine.subscribers, 0));
});

test("an aborted subscription hangs up", async (t) => {
  const { engine, docker } = await client(t);
  const stop = new AbortController();
  const events = await docker.events(query, stop.signal);
  const ended = (async () => {
    for await (const _ of events);
  })();
  stop.abort();
  await ended.catch(() => {});
  await eventually(() => assert.equal(engine.subscribers, 0));
  await assert.rejects(docker.events(query, stop.signal));
  await eventually(() => assert.equal(engine.subscribers, 0));
});

for (const [what, bytes, words] of [
  ["no JSON", "{nonsense\n", /an event: not the JSON expected/],
  ["no event", '{"Action":1}\n', /an event: field Type/],
  ["endless", "x".repeat(5 * 1024 * 1024), /an event: a line is longer/],
] as const) {
  test(`a line that is ${what} ends the stream with a bad answer: the event in it was missed`, async (t) => {
    const { engine, docker } = await client(t);
    const events = await docker.events(query, new AbortController().signal);
    engine.sendRaw(bytes);
    await assert.rejects(
      async () => {
        for await (const _ of events);
      },
      isEngineError("bad-answer", words),
    );
    await eventually(() => assert.equal(engine.subscribers, 0));
  });
}
