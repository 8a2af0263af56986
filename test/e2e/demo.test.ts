import assert from "node:assert/strict";
import { test } from "node:test";
import { imageIds } from "./support/engine.ts";
import { startLab } from "./support/lab.ts";
import { run, tryRun } from "./support/programs.ts";
import { taskroleProgram } from "./support/settings.ts";

const lab = await startLab({ daemon: false });
const env = { DOCKER_HOST: `unix://${lab.engine.socket}` };
const onInstance = (...args: readonly string[]) => lab.instance.onInstance(taskroleProgram, ...args);

test("taskrole demo --docker tells the story with real containers and takes away what it made", async () => {
  const images = await imageIds(lab.engine.docker);
  const rules = await run(lab.instance.onInstance("ip", "rule"));
  const story = await run(onInstance("demo", "--docker"), { env });
  for (const arn of [
    "arn:aws:sts::111122223333:assumed-role/web-reader/taskrole-demo-web-",
    "arn:aws:sts::111122223333:assumed-role/reports-writer/taskrole-demo-reports-",
    "arn:aws:sts::444455556666:assumed-role/deployer/taskrole-demo-ci-",
  ]) {
    assert.ok(story.includes(arn), story);
  }
  assert.match(story, /plain .* nobody: /);
  assert.match(story, /thief .* nothing, in \d{3} attempts/);
  assert.equal(await lab.engine.docker("ps", "--all", "--quiet"), "");
  assert.equal(await lab.engine.docker("network", "ls", "--quiet", "--filter", "type=custom"), "");
  assert.deepEqual(await imageIds(lab.engine.docker), images);
  assert.equal(await run(lab.instance.onInstance("ip", "rule")), rules);
  assert.doesNotMatch(await run(lab.instance.onInstance("nft", "list", "tables")), /taskrole/);
});

test("taskrole demo --docker does not take the interception from a taskrole that runs", async () => {
  await run(onInstance("interception", "up"));
  const { code, stderr } = await tryRun(onInstance("demo", "--docker"), { env });
  assert.equal(code, 1);
  assert.match(stderr, /the interception of this host is up already/);
  await run(onInstance("interception", "status"));
  await run(onInstance("interception", "down"));
});

test("taskrole demo --docker says what is missing when no Docker Engine answers", async () => {
  const { code, stderr } = await tryRun(onInstance("demo", "--docker"), {
    env: { DOCKER_HOST: "unix:///nowhere.sock" },
  });
  assert.equal(code, 1);
  assert.match(stderr, /docker network create.*nowhere\.sock/);
});
