import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { isDaemonOutdated } from "../../src/install/running-daemon.ts";

const SLEEP = "/bin/sleep";
const folder = mkdtempSync(join(tmpdir(), "taskrole-running-"));
const program = join(folder, "taskrole");
copyFileSync(SLEEP, program);
const daemon = spawn(program, ["600"]);
after(async () => {
  const ended = once(daemon, "exit");
  daemon.kill();
  await ended;
  rmSync(folder, { recursive: true });
});
await once(daemon, "spawn");

/** As systemctl shows them: systemd 252. */
const isOutdated = (pid: number, path = program) => {
  const stdout = `ExecStart={ path=${path} ; argv[]=${path} serve ; ignore_errors=no ; pid=${pid} }\nMainPID=${pid}\n`;
  return isDaemonOutdated(program, async () => ({ kind: "exited", code: 0, stdout, stderr: "" }));
};
const pid = daemon.pid ?? 0;

test("a daemon is outdated once its file was replaced, whatever that is called by then", async () => {
  assert.equal(await isOutdated(pid), false);
  renameSync(program, join(folder, "older"));
  assert.equal(await isOutdated(pid), false, "no program, nothing to start");
  copyFileSync(SLEEP, program);
  assert.equal(await isOutdated(pid), true, "renamed");
  rmSync(join(folder, "older"));
  assert.equal(await isOutdated(pid), true, "deleted");
});

test("what does not run is not outdated, nor what is the operator's own to start", async () => {
  assert.equal(await isOutdated(0), false);
  assert.equal(await isOutdated(pid, "/opt/taskrole"), false);
  assert.equal(await isDaemonOutdated(program, async () => ({ kind: "missing" })), false);
});
