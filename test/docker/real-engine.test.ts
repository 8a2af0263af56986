import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { request } from "node:http";
import { type TestContext, test } from "node:test";
import { DockerWorkloads } from "../../src/docker/docker-workloads.ts";
import type { EngineEvent } from "../../src/docker/engine.ts";
import { EngineClient } from "../../src/docker/engine-client.ts";
import { parseEndpoint } from "../../src/docker/engine-endpoint.ts";
import { sleep } from "../../src/kit/sleep.ts";
import { bindingAt, eventually } from "./bench.ts";

const BUSYBOX = "/bin/busybox";
const IMAGE = "taskrole-test:busybox";
const endpoint = process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock";

/** The changes that the product's own client cannot ask for. */
function ask(method: string, path: string, body?: object | Buffer): Promise<Record<string, string>> {
  const at = parseEndpoint(endpoint);
  if (at.kind === "bad-endpoint") throw new Error(at.reason);
  const target = at.kind === "socket" ? { socketPath: at.socketPath } : { host: at.host, port: at.port };
  const isTar = Buffer.isBuffer(body);
  return new Promise((resolve, reject) => {
    const headers = { "Content-Type": isTar ? "application/x-tar" : "application/json" };
    const sent = request({ ...target, method, path, headers, agent: false }, async (response) => {
      const text = Buffer.concat(await response.toArray()).toString();
      const isDone = (response.statusCode ?? 500) < 400;
      if (isDone) resolve(text.startsWith("{") ? JSON.parse(text.split("\n")[0] ?? "") : {});
      else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
    });
    sent.on("error", reject).end(isTar ? body : body && JSON.stringify(body));
  });
}

const busyboxImage = (): Buffer =>
  execFileSync("tar", ["-C", "/", "-c", BUSYBOX.slice(1)], { maxBuffer: 64 * 1024 * 1024 });

async function engineOrSkip(t: TestContext): Promise<EngineClient | undefined> {
  try {
    const docker = new EngineClient({ endpoint });
    await docker.listNetworks();
    return docker;
  } catch (error) {
    if (process.env["REQUIRE_ALL"] === "1") throw error;
    t.skip(`needs a Docker Engine: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}

test("a real Engine's networks and events are read", async (t) => {
  const docker = await engineOrSkip(t);
  if (!docker) return;
  const stop = new AbortController();
  const query = { types: ["network"], actions: ["create", "destroy"], sinceSeconds: Math.floor(Date.now() / 1000) };
  const events = await docker.events(query, stop.signal);
  const { Id: id = "" } = await ask("POST", "/networks/create", { Name: `taskrole-test-${process.pid}` });
  const listed = (await docker.listNetworks()).find((network) => network.id === id);
  assert.match(listed?.subnets[0] ?? "", /^\d+\.\d+\.\d+\.\d+\/\d+$/);
  assert.deepEqual((await docker.inspectNetwork(id)).members, []);
  await ask("DELETE", `/networks/${id}`);
  const seen: EngineEvent[] = [];
  for await (const event of events) {
    if (event.actorId === id) seen.push(event);
    if (seen.length === 2) break;
  }
  assert.deepEqual(
    seen.map(({ type, action }) => `${type} ${action}`),
    ["network create", "network destroy"],
  );
});

test("a real container is known by its address while it lives, and its address is nobody's afterwards", async (t) => {
  const docker = await engineOrSkip(t);
  if (!docker) return;
  if (!existsSync(BUSYBOX)) return t.skip(`needs ${BUSYBOX} (Debian: busybox-static) to make an image of`);
  await ask("POST", `/images/create?fromSrc=-&repo=${IMAGE}`, busyboxImage());
  const evicted: string[] = [];
  const workloads = new DockerWorkloads({
    engine: docker,
    watchProcess: () => undefined,
    now: Date.now,
    sleep,
    holdMs: 300,
    events: {
      onCreated: () => {},
      onBound: () => {},
      onEvicted: ({ workload }, reason) => void evicted.push(`${workload.name}: ${reason}`),
      onStreamUp: () => {},
      onStreamDown: () => {},
    },
  });
  const name = `taskrole-test-${process.pid}`;
  const made = { Image: IMAGE, Cmd: [BUSYBOX, "sleep", "60"], Env: ["IAM_ROLE=reader"] };
  const { Id: id = "" } = await ask("POST", `/containers/create?name=${name}`, made);
  t.after(async () => {
    await workloads.stop();
    await ask("DELETE", `/containers/${id}?force=1`).catch(() => {});
    await ask("DELETE", `/images/${IMAGE}`).catch(() => {});
  });
  await workloads.start();
  await ask("POST", `/containers/${id}/start`);
  const { attachments } = await docker.inspectContainer(id);
  const address = attachments[0]?.addresses[0] ?? "";
  const binding = await bindingAt(workloads, address);
  assert.equal(binding.workload.id, id);
  assert.equal(binding.workload.name, name);
  assert.equal(binding.workload.roleClaim?.text, "reader");
  await ask("DELETE", `/containers/${id}?force=1`);
  await eventually(() => assert.equal(binding.isCurrent(), false));
  assert.match(evicted[0] ?? "", new RegExp(`^${name}: the container `));
  assert.equal(await workloads.resolve({ address }), undefined);
});
