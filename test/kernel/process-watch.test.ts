import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { watchProcess } from "../../src/kernel/process-watch.ts";
import { hasMeans } from "./network-lab.ts";

const ID = "0123456789abcdef".repeat(4);
const OTHER_ID = "f".repeat(64);

async function startProcess(t: TestContext, ...argv: readonly string[]): Promise<{ child: ChildProcess; pid: number }> {
  const [program = "", ...args] = argv;
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
  await once(child, "spawn");
  t.after(() => killed(child));
  return { child, pid: child.pid ?? assert.fail("not started") };
}

const sleeper = (t: TestContext) => startProcess(t, "sleep", "60");

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

/** A /proc that shows one real process in control groups of our choice. */
function procOf(t: TestContext, pid: number, cgroup: string): string {
  const proc = mkdtempSync(join(tmpdir(), "taskrole-proc-"));
  t.after(() => rmSync(proc, { recursive: true }));
  mkdirSync(join(proc, String(pid)));
  symlinkSync(`/proc/${pid}/statm`, join(proc, String(pid), "statm"));
  writeFileSync(join(proc, String(pid), "cgroup"), cgroup);
  return proc;
}

const CGROUPS = [
  { cgroup: `0::/docker/${ID}\n`, shown: "Docker, cgroupfs" },
  { cgroup: `0::/system.slice/docker-${ID}.scope\n`, shown: "Docker, systemd" },
  { cgroup: `4:memory:/x\n0::/libpod_parent/libpod-${ID}\n`, shown: "podman, hybrid" },
  { cgroup: `0::/docker/${ID}/init\n`, shown: "a container that made groups of its own" },
  { cgroup: `0::/../${ID}\n`, shown: "a daemon in a control group namespace" },
];

for (const { cgroup, shown } of CGROUPS) {
  test(`a process is watched until it ends: ${shown}`, async (t) => {
    const { child, pid } = await sleeper(t);
    const watch = watchProcess(pid, ID, procOf(t, pid, cgroup));
    assert.equal(watch?.isAlive(), true);
    await killed(child);
    assert.equal(watch?.isAlive(), false);
    assert.equal(watch?.isAlive(), false);
    watch?.close();
  });
}

test("a zombie is not alive", async (t) => {
  const parent = "sleep 0.3 & echo $!; exec sleep 60";
  const { child, pid: parentPid } = await startProcess(t, "sh", "-c", parent);
  const [printed] = (await once(child.stdout ?? assert.fail(), "data")) as [Buffer];
  const pid = Number(printed.toString());
  assert.notEqual(pid, parentPid);
  const watch = watchProcess(pid, ID, procOf(t, pid, ID)) ?? assert.fail("not watched");
  t.after(() => watch.close());
  assert.equal(watch.isAlive(), true);
  while (watch.isAlive()) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(existsSync(`/proc/${pid}`), "it is still there for its parent to reap");
});

test("a process that runs another program is still the same", async (t) => {
  const { child, pid } = await startProcess(t, "sh", "-c", "echo ready; sleep 0.3; echo now; exec sleep 60");
  await once(child.stdout ?? assert.fail(), "data");
  const watch = watchProcess(pid, ID, procOf(t, pid, ID)) ?? assert.fail("not watched");
  await once(child.stdout ?? assert.fail(), "data");
  for (let i = 0; i < 50; i += 1) {
    assert.equal(watch.isAlive(), true);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  watch.close();
});

test("a process of another container, or of none, is not watched", async (t) => {
  const { pid } = await sleeper(t);
  assert.equal(watchProcess(pid, ID, procOf(t, pid, `0::/docker/${OTHER_ID}\n`)), undefined);
  assert.equal(watchProcess(pid, ID), undefined);
});

test("an id that is not whole proves nothing", async (t) => {
  const { pid } = await sleeper(t);
  const proc = procOf(t, pid, `0::/docker/${ID}\n`);
  for (const id of ["", "/", ID.slice(0, 12), `${ID}0`, ID.toUpperCase(), `${ID}\n`]) {
    assert.equal(watchProcess(pid, id, proc), undefined, JSON.stringify(id));
  }
});

test("a process that has ended, or that /proc does not show, is not watched", async (t) => {
  const { child, pid } = await sleeper(t);
  const proc = procOf(t, pid, ID);
  await killed(child);
  assert.equal(watchProcess(pid, ID, proc), undefined);
  assert.equal(watchProcess(pid, ID, "/nowhere"), undefined);
  assert.equal(watchProcess(0, ID), undefined);
});

test("a closed watch says no, may be closed again, and leaves no descriptor behind", async (t) => {
  const { pid } = await sleeper(t);
  const proc = procOf(t, pid, ID);
  const other = procOf(t, pid, OTHER_ID);
  const before = openDescriptors();
  for (let i = 0; i < 20; i += 1) {
    const watch = watchProcess(pid, ID, proc) ?? assert.fail("not watched");
    watch.close();
    watch.close();
    assert.equal(watch.isAlive(), false);
    watchProcess(pid, ID, other);
    watchProcess(pid, "", proc);
  }
  assert.equal(openDescriptors(), before);
});

test("a real container's process is recognised by the kernel's own word", async (t) => {
  const root = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].find((path) => existsSync(join(path, "cgroup.procs")));
  const missing = process.getuid?.() === 0 && root ? undefined : "needs root and cgroup v2: makes a control group";
  if (!hasMeans(t, missing)) return;
  const { child, pid } = await sleeper(t);
  const group = join(root ?? "", `taskrole-test-${process.pid}-${ID}`);
  mkdirSync(group);
  t.after(async () => {
    await killed(child);
    rmdirSync(group);
  });
  writeFileSync(join(group, "cgroup.procs"), String(pid));
  const watch = watchProcess(pid, ID);
  assert.equal(watch?.isAlive(), true);
  assert.equal(watchProcess(pid, OTHER_ID), undefined);
  await killed(child);
  assert.equal(watch?.isAlive(), false);
  watch?.close();
});

const openDescriptors = (): number => readdirSync("/proc/self/fd").length;
