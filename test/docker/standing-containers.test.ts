import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ContainerDetails, Engine, NetworkMember } from "../../src/docker/engine.ts";
import { EngineError } from "../../src/docker/engine-error.ts";
import { StandingContainers } from "../../src/docker/standing-containers.ts";

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

const member = (containerId: string, addresses: readonly string[] = ["172.17.0.2"]): NetworkMember => ({
  containerId,
  addresses,
  macAddress: "",
});

/** An Engine with two networks; what is met is noted, and ends when the test says. */
function bench({
  a,
  b,
  knows = () => false,
}: {
  a: NetworkMember[];
  b: NetworkMember[];
  knows?: (id: string) => boolean;
}) {
  const met: string[] = [];
  const endings: (() => void)[] = [];
  const state = { isDown: false };
  const networks = new Map([
    ["a", a],
    ["b", b],
  ]);
  const summary = (id: string) => ({ id, name: id, driver: "bridge", subnets: [] });
  const engine: Engine = {
    listNetworks: async () => {
      if (state.isDown) throw new EngineError({ kind: "timeout", endpoint: "unix:///none", detail: "GET /networks" });
      return ["a", "b"].map(summary);
    },
    runningWithLabel: () => assert.fail("nobody asks this"),
    inspectNetwork: async (id) => ({ ...summary(id), members: networks.get(id) ?? [] }),
    inspectContainer: async (): Promise<ContainerDetails> => assert.fail("nobody asks this"),
    events: () => assert.fail("nobody asks this"),
  };
  const standing = new StandingContainers({
    engine,
    workloads: {
      knows,
      meet: (id) => {
        met.push(id);
        return new Promise((resolve) => endings.push(resolve));
      },
    },
  });
  return { standing, met, endings, state };
}

describe("StandingContainers", () => {
  it("meets each container that has an address and is not known, once, however many networks it is on", async () => {
    const { standing, met } = bench({
      a: [member("web"), member("ghost", []), member("known", ["172.17.0.3"])],
      b: [member("web", ["172.18.0.2"]), member("db", ["172.18.0.3"])],
      knows: (id) => id === "known",
    });
    standing.onUp();
    await settle();
    assert.deepEqual(met, ["web", "db"]);
  });

  it("meets sixteen at once, and no more of them when the events are lost again", async () => {
    const { standing, met, endings } = bench({
      a: Array.from({ length: 40 }, (_, i) => member(`${i}`, [`172.17.1.${i}`])),
      b: [],
    });
    standing.onUp();
    await settle();
    assert.equal(met.length, 16);
    endings.shift()?.();
    await settle();
    assert.equal(met.length, 17);
    standing.onDown();
    for (const end of endings.splice(0)) end();
    await settle();
    assert.equal(met.length, 17);
  });

  it("one that became known meanwhile is not met", async () => {
    const known = new Set<string>();
    const all = Array.from({ length: 17 }, (_, i) => member(`${i}`, [`172.17.1.${i}`]));
    const { standing, met, endings } = bench({ a: all, b: [], knows: (id) => known.has(id) });
    standing.onUp();
    await settle();
    known.add("16");
    for (const end of endings.splice(0)) end();
    await settle();
    assert.equal(met.length, 16);
  });

  it("an Engine that does not answer is asked again when the events are back", async () => {
    const { standing, met, state } = bench({ a: [member("web")], b: [] });
    state.isDown = true;
    standing.onUp();
    await settle();
    assert.deepEqual(met, []);
    state.isDown = false;
    standing.onDown();
    standing.onUp();
    await settle();
    assert.deepEqual(met, ["web"]);
  });
});
