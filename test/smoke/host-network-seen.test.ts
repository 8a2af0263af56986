import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConfig } from "../../src/app/config.ts";
import { StartError } from "../../src/app/start-error.ts";
import { hostNetworkSeen } from "../../src/smoke/host-network-seen.ts";

const settingsOf = (flags: Readonly<Record<string, unknown>>) =>
  loadConfig({ file: undefined, environment: {}, flags });

/** Of an engine that makes no such container, as one with user namespaces. */
function stageOf(goOn: () => void = () => {}) {
  const asked: string[] = [];
  const look = (name: string): Promise<never> => {
    asked.push(name);
    return Promise.reject(new StartError("cannot share the host's network namespace"));
  };
  return { asked, stage: { look, inspect: () => assert.fail("there is nothing to inspect"), goOn } };
}

describe("a container on the host's network", () => {
  it("is not made where nothing is to keep it from the host's role", async () => {
    for (const flags of [{ hostNetwork: "host" }, { interception: "none" }]) {
      const { asked, stage } = stageOf();
      const seen = await hostNetworkSeen(stage, settingsOf(flags), undefined);
      assert.match("untried" in seen ? seen.untried : "", /^`(hostNetwork: host|interception: none)`/);
      assert.deepEqual(asked, []);
    }
  });

  it("that the engine does not make ends no run, unless the run is to end", async () => {
    const { stage } = stageOf();
    assert.deepEqual(await hostNetworkSeen(stage, settingsOf({}), undefined), {
      untried: "none can be made here: cannot share the host's network namespace",
    });
    const ended = stageOf(() => {
      throw new StartError("ended by SIGINT");
    });
    await assert.rejects(hostNetworkSeen(ended.stage, settingsOf({}), undefined), /ended by SIGINT/);
  });
});
