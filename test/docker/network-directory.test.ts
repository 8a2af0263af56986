import assert from "node:assert/strict";
import { test } from "node:test";
import type { Engine, NetworkSummary } from "../../src/docker/engine.ts";
import { EngineError } from "../../src/docker/engine-error.ts";
import { FreshEngine } from "../../src/docker/fresh-engine.ts";
import { NetworkDirectory } from "../../src/docker/network-directory.ts";

const network = (name: string, subnet: string): NetworkSummary => ({
  id: name,
  name,
  driver: "bridge",
  subnets: [subnet],
});
const unasked = (): never => assert.fail("only the list may be asked for");

/** A directory over a list that the test changes, and over calls that land when it says so. */
function directory() {
  const state = { networks: [network("old", "172.17.0.0/16")], calls: 0, landing: Promise.resolve() };
  const engine: Engine = {
    listNetworks: async () => {
      state.calls += 1;
      const asItIs = [...state.networks];
      await state.landing;
      return asItIs;
    },
    runningWithLabel: unasked,
    inspectNetwork: unasked,
    inspectContainer: unasked,
    events: unasked,
  };
  const kept = new NetworkDirectory(new FreshEngine(engine));
  const names = async (address: string) => (await kept.containing(address)).map(({ name }) => name);
  return { kept, state, names };
}

test("the list is asked for once while it is kept, and once more for an address it does not contain", async () => {
  const { kept, state, names } = directory();
  kept.keep();
  assert.deepEqual([await names("172.17.0.2"), await names("172.17.0.3")], [["old"], ["old"]]);
  assert.equal(state.calls, 1);
  state.networks.push(network("new", "172.18.0.0/16"));
  assert.deepEqual(await names("172.18.0.2"), ["new"]);
  assert.deepEqual(await names("10.0.0.1"), []);
  assert.equal(state.calls, 3);
});

test("nothing is kept before the events are heard, nor after they are lost", async () => {
  const { kept, state, names } = directory();
  await names("172.17.0.2");
  await names("172.17.0.2");
  assert.equal(state.calls, 2);
  kept.keep();
  await names("172.17.0.2");
  await names("172.17.0.2");
  assert.equal(state.calls, 3);
  kept.keepNothing();
  await names("172.17.0.2");
  await names("172.17.0.2");
  assert.equal(state.calls, 5);
});

test("a list asked for before a network came is not kept after it", async () => {
  const { kept, state, names } = directory();
  kept.keep();
  const landing = Promise.withResolvers<void>();
  state.landing = landing.promise;
  const asked = names("172.17.0.2");
  state.networks.push(network("overlapping", "172.17.0.0/24"));
  kept.forget();
  landing.resolve();
  assert.deepEqual(await asked, ["old"]);
  assert.deepEqual(await names("172.17.0.2"), ["old", "overlapping"]);
});

test("a subnet that is none, as of an IPAM driver of its own, matches nothing", async () => {
  const { state, names } = directory();
  state.networks.push(network("odd", "not a subnet"));
  assert.deepEqual(await names("172.17.0.2"), ["old"]);
});

test("whether an address is of any network: by the list in hand, which an address that is not in it does not make old", async () => {
  const { kept, state, names } = directory();
  kept.keep();
  assert.deepEqual([await kept.contains("172.17.0.2"), await kept.contains("10.0.5.7")], [true, false]);
  assert.equal(state.calls, 1);
  state.networks.push(network("new", "10.0.5.0/24"));
  assert.equal(await kept.contains("10.0.5.7"), false, "its coming has not been heard yet");
  assert.equal(await kept.containsNow("10.0.5.7"), true);
  assert.equal(await kept.contains("10.0.5.7"), true);
  kept.forget();
  state.networks.pop();
  assert.equal(await kept.contains("10.0.5.7"), false);
  assert.deepEqual(await names("172.17.0.2"), ["old"]);
});

test("of an Engine that does not answer, its last word counts", async () => {
  const { kept, state } = directory();
  assert.equal(await kept.containsNow("172.17.0.2"), true);
  state.landing = Promise.reject(
    new EngineError({ kind: "unreachable", endpoint: "unix:///nowhere", detail: "GET /networks" }),
  );
  state.landing.catch(() => {});
  assert.deepEqual([await kept.contains("172.17.0.2"), await kept.containsNow("10.0.5.7")], [true, false]);
});
