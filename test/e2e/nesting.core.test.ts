import assert from "node:assert/strict";
import { test } from "node:test";
import { startLab } from "./support/lab.ts";
import { startNestedEngine } from "./support/nested-engine.ts";
import { testThatNothingLeaked } from "./support/nothing-leaked.ts";

const lab = await startLab();
const outer = await startNestedEngine(lab, lab.engine.docker, {
  ...{ name: "outer", depth: 1, load: ["small", "dind"], role: "agent" },
});

test("a container that is a Docker host itself gets its role", async () => {
  assert.equal(await outer.asker.role(), "agent");
});

test("a container inside it gets the outer's role, whatever its own label says", async () => {
  const nested = await outer.run("nested", "--label", "taskrole.role=ambition", "-e", "IAM_ROLE=ambition");
  assert.equal(await nested.role(), "agent");
});

test("so does one on a user network inside it, and one on its host network", async () => {
  await outer.docker("network", "create", "inner-net");
  assert.equal(await (await outer.run("nested-net", "--network", "inner-net")).role(), "agent");
  assert.equal(await (await outer.run("nested-host", "--network", "host")).role(), "agent");
});

test("a Docker host in a Docker host, and a container inside that, get the outermost's role", async () => {
  const inner = await startNestedEngine(lab, outer.docker, {
    name: "inner",
    depth: 2,
    load: ["small"],
    role: "ambition",
  });
  assert.equal(await inner.asker.role(), "agent");
  assert.equal(await (await inner.run("innermost")).role(), "agent");
});

test("a neighbour of the Docker host keeps its own role, and its address inside counts for nothing outside", async () => {
  const neighbour = await lab.run({ role: "neighbour" });
  assert.equal(await neighbour.role(), "neighbour");
  assert.equal(await outer.asker.role(), "agent");
});

testThatNothingLeaked(lab);
