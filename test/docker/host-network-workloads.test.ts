import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConnectionOwner } from "../../src/broker/connection-owner.ts";
import type { Peer } from "../../src/core/peer.ts";
import { type ContainerDialect, OWN_DIALECT } from "../../src/docker/container-dialect.ts";
import type { ContainerDetails, Engine } from "../../src/docker/engine.ts";
import { EngineError } from "../../src/docker/engine-error.ts";
import { HostNetworkWorkloads } from "../../src/docker/host-network-workloads.ts";
import { peer, refused } from "../support/workloads.ts";
import { FakeProcesses } from "./bench.ts";

const RED = "ed".repeat(32);
const BLUE = "b1".repeat(32);
const ADDRESS = "198.18.0.1";
const onHost = (port: number): Peer => ({ address: ADDRESS, port, isOnThisHost: true });

const container = (id: string, pid: number): ContainerDetails => ({
  id,
  name: id === RED ? "red" : "blue",
  running: true,
  pid,
  startedAt: "2026-01-01T00:00:00Z",
  image: "busybox",
  imageId: "",
  userNamespace: "",
  labels: { "taskrole.role": id === RED ? "red-role" : "blue-role" },
  env: [],
  attachments: [],
  guestOf: undefined,
});

function bench(mode: "refuse" | "identify" = "identify", dialect?: ContainerDialect) {
  const owners = new Map<number, ConnectionOwner>([
    [1, { kind: "container", containerId: RED }],
    [2, { kind: "container", containerId: BLUE }],
    [3, { kind: "nobody-known", reason: "its socket was not made in a container" }],
  ]);
  const containers = new Map([
    [RED, container(RED, 11)],
    [BLUE, container(BLUE, 12)],
  ]);
  const processes = new FakeProcesses();
  const asked: string[] = [];
  const looks: number[] = [];
  let trouble: EngineError | undefined;
  const notAsked = () => Promise.reject(new Error("not to be asked"));
  const engine: Engine = {
    listNetworks: notAsked,
    runningWithLabel: notAsked,
    inspectNetwork: notAsked,
    events: notAsked,
    inspectContainer(id) {
      asked.push(id);
      const found = containers.get(id);
      if (found && !trouble) return Promise.resolve(found);
      return Promise.reject(trouble ?? new EngineError({ kind: "not-found", endpoint: "unix:///x", detail: "404" }));
    },
  };
  const pauses: number[] = [];
  const onPause: (() => unknown)[] = [];
  const workloads = new HostNetworkWorkloads({
    engine,
    ...(dialect && { dialect }),
    findOwner: ({ port }) => {
      looks.push(port);
      return Promise.resolve(owners.get(port) ?? { kind: "nobody-known", reason: "no socket" });
    },
    watchProcess: processes.watch,
    sleep: (ms) => {
      pauses.push(ms);
      onPause.shift()?.();
      return Promise.resolve();
    },
    mode,
  });
  const fail = () =>
    (trouble = new EngineError({ kind: "unreachable", endpoint: "unix:///x", detail: "ECONNREFUSED" }));
  return { workloads, owners, containers, processes, asked, looks, pauses, onPause, fail };
}

test("two containers at the same address are told apart by their connections", async () => {
  const { workloads } = bench();
  const [red, blue] = await Promise.all([workloads.resolve(onHost(1)), workloads.resolve(onHost(2))]);
  assert.deepEqual([red?.workload.name, red?.address], ["red", ADDRESS]);
  assert.deepEqual([blue?.workload.roleClaim?.text, blue?.address], ["blue-role", ADDRESS]);
});

test("another tool's words are read on the host's network, too", async () => {
  const { workloads, containers } = bench("identify", {
    ...OWN_DIALECT,
    places: { role: { labels: ["old.role"], variables: [] } },
  });
  containers.set(RED, { ...container(RED, 11), labels: { "old.role": "old" } });
  assert.equal((await workloads.resolve(onHost(1)))?.workload.roleClaim?.text, "old");
});

test("who comes by a network is another source's, and nobody looks for its socket", async () => {
  const { workloads, looks } = bench();
  assert.equal(await workloads.resolve(peer(ADDRESS, 1)), undefined);
  assert.deepEqual(looks, []);
});

test("each request is looked up, and the container is remembered, not the peer", async () => {
  const { workloads, owners, asked, looks } = bench();
  const first = await workloads.resolve(onHost(1));
  assert.equal(await workloads.resolve(onHost(1)), first);
  owners.set(1, { kind: "container", containerId: BLUE });
  assert.equal((await workloads.resolve(onHost(1)))?.workload.name, "blue");
  assert.deepEqual(looks, [1, 1, 1]);
  assert.deepEqual(asked, [RED, BLUE]);
});

test("nobody known is refused, and nobody guesses", async () => {
  const { workloads, asked } = bench();
  assert.deepEqual(await refused(workloads.resolve(onHost(3))), {
    kind: "unknown-connection",
    address: ADDRESS,
    port: 3,
    reason: "its socket was not made in a container",
  });
  assert.deepEqual(asked, []);
});

test("a binding ends with its process, and the container's next life is another workload", async () => {
  const { workloads, containers, processes } = bench();
  const first = await workloads.resolve(onHost(1));
  processes.dead.add(11);
  assert.equal(first?.isCurrent(), false);
  assert.equal(processes.open, 0, "its watch is closed");
  containers.set(RED, { ...container(RED, 13), startedAt: "2026-01-02T00:00:00Z" });
  const second = await workloads.resolve(onHost(1));
  assert.equal(second?.workload.startedAt, "2026-01-02T00:00:00Z");
  assert.deepEqual([first?.isCurrent(), second?.isCurrent()], [false, true]);
});

test("a request that comes before the engine has the container running is held", async () => {
  const { workloads, containers, pauses, onPause } = bench();
  containers.set(RED, { ...container(RED, 0), running: false });
  onPause.push(
    () => {},
    () => containers.set(RED, container(RED, 11)),
  );
  assert.equal((await workloads.resolve(onHost(1)))?.workload.name, "red");
  assert.deepEqual(pauses, [25, 50]);
  containers.set(BLUE, { ...container(BLUE, 0), running: false });
  assert.equal((await refused(workloads.resolve(onHost(2)))).kind, "identity-unavailable");
  assert.equal(
    pauses.slice(2).reduce((sum, ms) => sum + ms, 0),
    3_000,
  );
});

test("with the engine out of reach, who is known and lives is served, and others get 503", async () => {
  const { workloads, fail } = bench();
  const known = await workloads.resolve(onHost(1));
  fail();
  assert.equal(await workloads.resolve(onHost(1)), known);
  assert.equal((await refused(workloads.resolve(onHost(2)))).kind, "identity-unavailable");
});

test("a container whose process cannot be watched is not served: nobody would know its end", async () => {
  const { workloads, processes } = bench();
  processes.unwatchable.add(11);
  assert.equal((await refused(workloads.resolve(onHost(1)))).kind, "identity-unavailable");
});

test("refuse: every one is refused, by name where that can be told", async () => {
  const { workloads, fail } = bench("refuse");
  const kind = "host-network-refused";
  assert.deepEqual(await refused(workloads.resolve(onHost(1))), {
    kind,
    address: ADDRESS,
    workload: "red (edededededed)",
  });
  assert.deepEqual(await refused(workloads.resolve(onHost(3))), { kind, address: ADDRESS });
  fail();
  assert.deepEqual(await refused(workloads.resolve(onHost(2))), {
    kind,
    address: ADDRESS,
    workload: BLUE.slice(0, 12),
  });
  assert.equal(await workloads.resolve(peer("172.17.0.2")), undefined);
});
