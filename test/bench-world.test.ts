import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { removeDirectory } from "../bench/programs.ts";
import { startEngine } from "../bench/servers.ts";
import { containersOf, makeWorld, type World } from "../bench/world.ts";
import { DockerWorkloads } from "../src/docker/docker-workloads.ts";
import { EngineClient } from "../src/docker/engine-client.ts";
import { sleep } from "../src/kit/sleep.ts";
import { isWithin, parseSubnet } from "../src/kit/subnet.ts";

const PAST_THE_FIRST_NETWORK = 1_234;

test("every container has an id and a loopback address of its own, in its network's subnet", () => {
  const world = makeWorld(PAST_THE_FIRST_NETWORK);
  const containers = containersOf(world);
  assert.equal(new Set(containers.map(({ id }) => id)).size, PAST_THE_FIRST_NETWORK);
  assert.equal(new Set(containers.map(({ address }) => address)).size, PAST_THE_FIRST_NETWORK);
  assert.ok(containers.every(({ id, address }) => /^[0-9a-f]{64}$/.test(id) && address.startsWith("127.")));
  for (const network of world.networks) {
    const subnet = parseSubnet(network.subnet);
    assert.ok(subnet && network.containers.every(({ address }) => isWithin(address, subnet)));
  }
});

test("a world off loopback has the same containers at addresses of its own", () => {
  const [loopback, wired] = [makeWorld(3), makeWorld(3, [7, 8, 9], 10)];
  assert.deepEqual(
    containersOf(wired).map(({ address, pid }) => ({ address, pid })),
    [
      { address: "10.100.1.2", pid: 7 },
      { address: "10.100.1.3", pid: 8 },
      { address: "10.100.1.4", pid: 9 },
    ],
  );
  assert.equal(wired.networks[0]?.subnet, "10.100.0.0/16");
  assert.deepEqual(
    containersOf(wired).map(({ id }) => id),
    containersOf(loopback).map(({ id }) => id),
  );
});

test("no network has more containers than a Linux bridge has ports", () => {
  const sizes = makeWorld(5_000).networks.map(({ containers }) => containers.length);
  assert.ok(sizes.every((size) => size <= 1_024));
});

test("a small world is the beginning of a large one", () => {
  const [few, many] = [containersOf(makeWorld(3)), containersOf(makeWorld(1_500))];
  assert.deepEqual(many.slice(0, 3), few);
});

test("the real resolver finds each container of the made-up Engine by its address, and nobody else", async (t) => {
  const world = makeWorld(PAST_THE_FIRST_NETWORK);
  const workloads = await workloadsOf(world, t);
  const containers = containersOf(world);
  for (const wanted of [containers[0], containers[999], containers.at(-1)]) {
    const found = await workloads.resolve({ address: wanted?.address ?? "" });
    assert.equal(found?.workload.id, wanted?.id);
    assert.equal(found?.workload.roleClaim?.text, wanted?.role);
  }
  assert.equal(await workloads.resolve({ address: "127.0.0.1" }), undefined);
});

async function workloadsOf(world: World, t: TestContext): Promise<DockerWorkloads> {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const directory = mkdtempSync(join(tmpdir(), "bench-world-"));
  stack.defer(() => removeDirectory(directory));
  const socket = await startEngine(world, directory, stack);
  const workloads = new DockerWorkloads({
    engine: new EngineClient({ endpoint: `unix://${socket}` }),
    watchProcess: () => undefined,
    now: () => Date.now(),
    sleep,
    events: {
      onCreated() {},
      onBound() {},
      onEvicted() {},
      onStreamUp() {},
      onStreamDown: (reason) => assert.fail(reason),
    },
  });
  await workloads.start();
  stack.defer(() => workloads.stop());
  return workloads;
}
