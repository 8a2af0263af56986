import assert from "node:assert/strict";
import { test } from "node:test";
import { startLab } from "./support/lab.ts";
import { testThatNothingLeaked } from "./support/nothing-leaked.ts";

/** An engine as most hosts run it: its containers stop and start with it. */
const lab = await startLab();
await lab.engine.stop();
await lab.engine.start({ liveRestore: false });

test("containers that dockerd stops and starts again are themselves again, whatever their addresses", async () => {
  const roles = ["one", "two", "three", "four"];
  const containers = await Promise.all(roles.map((role) => lab.run({ role, args: ["--restart", "always"] })));
  const tokens = await Promise.all(containers.map(({ metadata }) => metadata.token()));
  await lab.engine.stop();
  await lab.engine.start({ liveRestore: false });
  await Promise.all(containers.map((container) => container.ready()));
  for (const [i, container] of containers.entries()) {
    assert.equal(await container.role(), roles[i]);
    const { status } = await container.metadata.get("/latest/", tokens[i]);
    assert.equal(status, 401, "the token of its former life");
  }
});

test("a stopped container's address is given to the next, and its role is not", async () => {
  const first = await lab.run({ role: "first" });
  const address = await first.address();
  await lab.engine.docker("stop", "-t", "5", first.id);
  const second = await lab.run({ role: "second", asksFirst: true });
  assert.equal(await second.address(), address);
  assert.equal(await second.role(), "second");
  await lab.engine.docker("start", first.id);
  await first.ready();
  assert.equal(await first.role(), "first");
  assert.equal(await second.role(), "second");
});

testThatNothingLeaked(lab);
