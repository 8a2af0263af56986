import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { unnamedCgroup } from "../../src/install/cgroups-to-come.ts";
import { wishes } from "./surveys.ts";

const folder = mkdtempSync(join(tmpdir(), "taskrole-cgroups-"));
after(() => rmSync(folder, { recursive: true }));
const DEFAULTS = wishes().config.containerCgroups;
const NONE = { settings: join(folder, "no-settings.json"), pid: join(folder, "no.pid") };

/** An Engine that says this of itself. */
async function engine(t: TestContext, info: string): Promise<string> {
  const socket = join(mkdtempSync(join(folder, "engine-")), "docker.sock");
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/info" ? 200 : 404;
    response.end(info);
  });
  server.listen(socket);
  await once(server, "listening");
  t.after(() => server.close());
  return `unix://${socket}`;
}

const infoOf = (driver: string, more = {}): string =>
  JSON.stringify({ CgroupDriver: driver, CgroupVersion: "2", SecurityOptions: ["name=seccomp"], ...more });

interface Told {
  readonly settings?: string;
  readonly pid?: string;
  readonly containerCgroups?: readonly string[];
}

async function look(t: TestContext, info: string, { containerCgroups = DEFAULTS, ...files }: Told = {}) {
  const config = { dockerEndpoint: await engine(t, info), containerCgroups: [...containerCgroups] };
  return await unnamedCgroup(config, { ...NONE, ...files });
}

function settingsOf(text: string): string {
  const settings = join(folder, "daemon.json");
  writeFileSync(settings, text);
  return settings;
}

test("the systemd driver by itself puts containers among the host's services; cgroupfs has a place for them", async (t) => {
  assert.equal(await look(t, infoOf("systemd")), "system.slice");
  assert.equal(await look(t, infoOf("cgroupfs")), undefined);
  assert.equal(await look(t, infoOf("cgroupfs"), { containerCgroups: ["docker.slice"] }), "docker");
});

test("a cgroup-parent in daemon.json decides, whether containerCgroups names it or not", async (t) => {
  const inSlice = (slice: string, containerCgroups = DEFAULTS) => {
    const settings = settingsOf(JSON.stringify({ "cgroup-parent": slice, debug: true }));
    return look(t, infoOf("systemd"), { settings, containerCgroups });
  };
  assert.equal(await inSlice("docker.slice"), undefined);
  assert.equal(await inSlice("docker-batch.slice"), undefined);
  assert.equal(await inSlice("work-batch.slice"), "work.slice/work-batch.slice");
  assert.equal(await inSlice("work-batch.slice", ["work.slice/work-batch.slice"]), undefined);
  assert.equal(await inSlice("workers.slice", ["work"]), "workers.slice");
  const settings = settingsOf('{ "cgroup-parent": "/jobs" }');
  assert.equal(await look(t, infoOf("cgroupfs"), { settings }), "jobs");
});

test("so does one on the command line of the dockerd that runs", async (t) => {
  for (const flags of [["--cgroup-parent=docker.slice"], ["--debug", "--cgroup-parent", "docker.slice"]]) {
    const running = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)", "--", ...flags]);
    t.after(() => running.kill());
    await once(running, "spawn");
    const pid = join(folder, "docker.pid");
    writeFileSync(pid, `${running.pid}\n`);
    assert.equal(await look(t, infoOf("systemd"), { pid }), undefined);
  }
});

test("settings that cannot be read are as none: it is Docker that complains of them", async (t) => {
  for (const text of ["{", "[]", '{ "cgroup-parent": 7 }', '{ "cgroup-parent": "" }'])
    assert.equal(await look(t, infoOf("systemd"), { settings: settingsOf(text) }), "system.slice", text);
});

test("nothing is said of what cannot be told: another driver, cgroup 1, a rootless engine, no answer", async (t) => {
  for (const info of [
    infoOf("none"),
    infoOf("systemd", { CgroupVersion: "1" }),
    infoOf("systemd", { SecurityOptions: ["name=seccomp", "name=rootless"] }),
    "not JSON",
  ])
    assert.equal(await look(t, info), undefined, info);
  const dockerEndpoint = `unix://${folder}/nobody.sock`;
  assert.equal(await unnamedCgroup({ dockerEndpoint, containerCgroups: DEFAULTS }, NONE), undefined);
});
