import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { CredentialBroker } from "../../src/broker/broker.ts";
import { DockerWorkloads } from "../../src/docker/docker-workloads.ts";
import type { Engine, EngineEvent } from "../../src/docker/engine.ts";
import { KernelBindings } from "../../src/kernel/kernel-bindings.ts";
import { sleep } from "../../src/kit/sleep.ts";
import { freshHex, heapInUse } from "../support/live-heap.ts";
import { sessionCache } from "../support/sessions.ts";
import { ANY_ROLE } from "../support/workloads.ts";

const WORKLOADS = 1_000;
const MOST_BYTES_EACH = 8 * 1024;
const NETWORK = { id: "a".repeat(64), name: "bridge", driver: "bridge", subnets: ["10.20.0.0/16"] };

const idOf = (index: number): string => freshHex(`container ${index}`, 64);

/** An Engine whose containers all started a moment ago, each with far more to say of itself than is kept. */
const engine: Engine = {
  listNetworks: async () => [NETWORK],
  runningWithLabel: async () => [],
  inspectNetwork: async () => ({ ...NETWORK, members: [] }),
  inspectContainer: async (id) => {
    const index = Number(indexes.get(id));
    return {
      id,
      name: `web-${index}`,
      running: true,
      pid: 1_000 + index,
      startedAt: new Date(1_700_000_000_000 + index).toISOString(),
      image: `registry.example/app-${index}:1`,
      imageId: `sha256:${freshHex(`image ${index}`, 64)}`,
      userNamespace: "",
      labels: { "taskrole.role": `role-${index}`, other: freshHex(`label ${index}`, 1_000) },
      env: [`SECRET=${freshHex(`secret ${index}`, 4_000)}`],
      guestOf: undefined,
      attachments: [
        {
          networkId: NETWORK.id,
          networkName: NETWORK.name,
          addresses: [`10.20.${1 + (index >> 8)}.${index & 255}`],
          macAddress: "02:42:0a:14:00:02",
        },
      ],
    };
  },
  events: async (_, signal) => started(signal),
};
const indexes = new Map(Array.from({ length: WORKLOADS }, (_, index) => [idOf(index), index]));

async function* started(signal: AbortSignal): AsyncGenerator<EngineEvent> {
  for (const actorId of indexes.keys()) {
    yield { type: "container", action: "start", actorId, attributes: {}, happenedAt: undefined };
  }
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
}

const issuer = {
  issue: async ({ roleName }: { roleName: string }) => ({
    accessKeyId: freshHex(`id ${roleName}`, 20),
    secretAccessKey: freshHex(`key ${roleName}`, 40),
    sessionToken: freshHex(`token ${roleName}`, 1_000),
    issuedAt: Date.now(),
    expiresAt: Date.now() + 3_600_000,
  }),
};

test("a workload that is bound in the kernel and has a session in hand takes at most 8 KB", async () => {
  const bindings = new KernelBindings({
    run: async () => ({ kind: "exited", code: 0, stdout: "", stderr: "" }),
    now: Date.now,
    finder: { find: async (pid) => `veth${pid}` },
  });
  await bindings.reload(async () => {});
  const fetched: Promise<void>[] = [];
  const workloads = new DockerWorkloads({
    engine,
    watchProcess: () => ({ isAlive: () => true, close: () => {} }),
    enforce: (owner) => bindings.enforce(owner),
    now: Date.now,
    sleep,
    events: {
      onCreated: () => {},
      onBound: (binding) => void fetched.push(broker.prefetch(binding)),
      onEvicted: ({ workload }, reason) => assert.fail(`${workload.name}: ${reason}`),
      onStreamUp: () => {},
      onStreamDown: () => {},
    },
  });
  const broker = new CredentialBroker({
    resolver: workloads,
    cache: sessionCache((grant) => issuer.issue(grant), {
      now: Date.now,
      events: { failed: ({ error }) => assert.fail(String(error)), recovered: () => assert.fail("nothing was wrong") },
    }),
    settings: ANY_ROLE,
    home: async () => ({ partition: "aws", accountId: "111122223333" }),
    sleep,
    onRoleLost: () => {},
    uptime: Date.now,
    waitForStsMs: 350,
  });
  const before = heapInUse();
  await workloads.start();
  while (fetched.length < WORKLOADS) await delay(20);
  await Promise.all(fetched.splice(0));
  await delay(100);
  const each = (heapInUse() - before) / WORKLOADS;
  await workloads.stop();
  assert.ok(each > 500, `${each} bytes: it was not all there`);
  assert.ok(each <= MOST_BYTES_EACH, `${each} bytes each`);
});
