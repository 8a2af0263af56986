import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { HOST_ROLE } from "./support/ec2.ts";
import { CGROUP_PARENT, IMAGES, imageIds } from "./support/engine.ts";
import { startLab } from "./support/lab.ts";
import { eventually, LongRunning, type Ran, run, tryRun } from "./support/programs.ts";
import { taskroleProgram } from "./support/settings.ts";

/** A host as an operator has it, good at first and then worse and worse: the report must say each time what is wrong. */
const lab = await startLab();
const ROLE = "containers/alpha";
const SETTINGS = {
  TASKROLE_DOCKER_ENDPOINT: `unix://${lab.engine.socket}`,
  TASKROLE_CONTAINER_CGROUPS: JSON.stringify([CGROUP_PARENT]),
};
// What this very file left when it was killed would be missed after the first test.
await lab.engine.docker("image", "rm", "--force", "taskrole-smoke:latest").catch(() => undefined);
const imagesBefore = await imageIds(lab.engine.docker);

const command = (args: readonly string[]) => lab.instance.onInstance(taskroleProgram, "smoke", ...args);

const smoke = (args: readonly string[], settings: NodeJS.ProcessEnv = {}): Promise<Ran> =>
  tryRun(command(args), { env: { ...SETTINGS, ...settings }, timeoutMs: 120_000 });

async function assertNothingLeft(): Promise<void> {
  assert.equal(await lab.engine.docker("ps", "--all", "--quiet"), "");
  assert.deepEqual(await imageIds(lab.engine.docker), imagesBefore);
}

/** The row of the report that begins with this outcome and check. */
function assertRow({ stdout, stderr }: Ran, outcome: string, row: RegExp): void {
  const rows = stdout.split("\n").filter((line) => line.startsWith(`| ${outcome} |`));
  assert.ok(
    rows.some((line) => row.test(line)),
    `${outcome}: ${row}\n${stdout}${stderr}`,
  );
}

const counts = ({ stdout, stderr }: Ran): string => /^## taskrole smoke: (.*)$/m.exec(stdout)?.[1] ?? stdout + stderr;

test("a good host: every check passes, nothing is left behind, and nothing secret is in the report", async () => {
  const ran = await smoke(["--role", ROLE]);
  assert.equal(counts(ran), "8 passed, 0 failed, 2 not checked");
  assert.equal(ran.code, 0);
  assertRow(ran, "passed", /A container has its role \| `alpha`, keys good until \d{4}-/);
  assertRow(ran, "passed", /No container reaches the host's role \| nothing of it, in 156 attempts/);
  assertRow(
    ran,
    "passed",
    /on the host's network.*\| answered 404: it is on the host's own network, and hostNetwork is refuse/,
  );
  assertRow(ran, "not checked", /While the daemon restarts/);
  assertRow(ran, "not checked", /After a reboot/);
  for (const row of [
    /^\| taskrole \| \d+\.\d+\.\d+ \(commit [^,]+, bun /m,
    /^\| Docker \| \d+\.\d+/m,
    /^\| nft \| nftables v/m,
  ])
    assert.match(ran.stdout, row);
  const said = ran.stdout + ran.stderr;
  for (const secret of await lab.ec2.hostSecrets()) assert.ok(!said.includes(secret));
  assert.doesNotMatch(said, /[A-Za-z0-9+/=_-]{60,}|\d{12}/);
  await assertNothingLeft();
});

test("while the daemon is restarted a container sees its own role, or nothing", async () => {
  const [asked, done] = ["asked", "done"].map((name) => join(lab.instance.folder, name));
  assert.ok(asked && done);
  const script = join(lab.instance.folder, "restart.sh");
  writeFileSync(script, `touch ${asked}; while [ ! -e ${done} ]; do sleep 0.1; done\n`);
  const restart = async () => {
    await eventually(async () => assert.ok(existsSync(asked)), 60_000);
    await lab.daemon.kill();
    await run(["sleep", "1"]);
    await lab.daemon.start();
    writeFileSync(done, "");
  };
  const [ran] = await Promise.all([smoke(["--role", ROLE, "--restart-daemon", `sh ${script}`]), restart()]);
  assertRow(ran, "passed", /While the daemon restarts.*role alpha \(\d+\).*ECONNREFUSED \(\d+\)/);
  assert.equal(ran.code, 0, ran.stdout);
  await assertNothingLeft();
});

test("on another network, in another image, and over a restart that fails", async () => {
  await lab.engine.docker("network", "create", "--ipv6", "--subnet", "fd00:5::/64", "apps");
  const ran = await smoke(["--role", ROLE, "--network", "apps", "--image", IMAGES.aws, "--label", "team=red"]);
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  assertRow(ran, "passed", /No container reaches the host's role \| nothing of it, in 312 attempts/);
  const unknown = await smoke(["--role", ROLE, "--restart-daemon", "false"]);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /"false", which --restart-daemon names, failed/);
  await lab.engine.docker("network", "rm", "apps");
  await assertNothingLeft();
});

test("an image that the program cannot run in is named, and the containers are taken away", async () => {
  const ran = await smoke(["--role", ROLE, "--image", IMAGES.small]);
  assert.equal(ran.code, 1);
  assert.match(ran.stderr, /"docker --host unix:\S+ start --attach …" failed: .*in the image \S+ there must be glibc/s);
  await assertNothingLeft();
});

test("a container and an image that a killed run left are removed by the next; nobody else's are", async () => {
  const killed = new LongRunning(command(["--role", ROLE]), SETTINGS);
  await killed.waitForLine((line) => line.includes("a container that names no role"), 60_000);
  await killed.stop("SIGKILL");
  assert.notEqual(await lab.engine.docker("ps", "--all", "--quiet"), "");
  assert.equal((await imageIds(lab.engine.docker)).length, imagesBefore.length + 1);
  const other = await lab.engine.docker("create", "--name", "other", IMAGES.small, "ask");
  const ran = await smoke(["--role", ROLE]);
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  assert.equal(await lab.engine.docker("ps", "--all", "--quiet", "--no-trunc"), other);
  await lab.engine.docker("rm", "other");
  await assertNothingLeft();
});

/** The settings of a run whose docker command ends with 1 where its arguments are such, having `done` it or not. */
function withDocker(failsAt: string, done: "done" | "undone"): NodeJS.ProcessEnv {
  const folder = join(lab.instance.folder, `docker-${done}`);
  mkdirSync(folder);
  const real = done === "done" ? 'docker "$@"' : ":";
  const script = `#!/bin/sh\nPATH=${process.env["PATH"]}\ncase "$*" in ${failsAt}) ${real}; exit 1;; esac\nexec docker "$@"\n`;
  writeFileSync(join(folder, "docker"), script, { mode: 0o755 });
  return { PATH: `${folder}:${process.env["PATH"]}` };
}

test("an image that was made by an import that failed is removed", async () => {
  const ran = await smoke(["--role", ROLE], withDocker('*" import "*', "done"));
  assert.equal(ran.code, 1);
  assert.match(ran.stderr, /"docker --host unix:\S+ import .*failed/);
  await assertNothingLeft();
});

test("what cannot be taken away is told with the way to do it by hand, and is no success", async () => {
  const ran = await smoke(["--role", ROLE], withDocker('*" image rm "*', "undone"));
  assert.equal(counts(ran), "8 passed, 0 failed, 2 not checked");
  assert.equal(ran.code, 1);
  const [, byHand = ""] = /could not take everything away: .*; by hand: (.*)$/m.exec(ran.stderr) ?? [];
  assert.match(byHand, /^docker --host unix:\S+ rm .*; docker --host unix:\S+ image rm --force taskrole-smoke:latest$/);
  await tryRun(lab.instance.onInstance("sh", "-c", byHand));
  await assertNothingLeft();
});

test("Ctrl-C: no report, 1, and nothing left behind", async () => {
  const running = new LongRunning(command(["--role", ROLE]), SETTINGS);
  await running.waitForLine((line) => line.includes("a container with the role"), 60_000);
  running.signal("SIGINT");
  assert.equal(await running.exited, 1);
  assert.match(running.lines.join("\n"), /SIGINT: taking away what was made[\s\S]*ended by SIGINT; no report/);
  assert.ok(!running.lines.some((line) => line.startsWith("|")));
  await assertNothingLeft();
});

test("a role that STS refuses is no role, and the report says with which word", async () => {
  const ran = await smoke(["--role", "arn:aws:iam::999999999999:role/out-of-reach"]);
  assert.equal(ran.code, 1);
  assertRow(
    ran,
    "failed",
    /A container has its role \| listed, but no credentials came \(AssumeRoleUnauthorizedAccess\)/,
  );
});

test("rules: a container that names no role has its rule's default, or none where the rule refuses the setting's", async () => {
  const rules = [
    { match: { network: "red" }, allow: ["arn:aws:iam::111122223333:role/red/*"], defaultRole: "red/base" },
    { match: {}, allow: ["arn:aws:iam::111122223333:role/containers/*"] },
  ];
  const settings = { TASKROLE_DEFAULT_ROLE: "elsewhere/other", TASKROLE_ROLE_RULES: JSON.stringify(rules) };
  await lab.engine.docker("network", "create", "red");
  await lab.daemon.stop();
  await lab.daemon.start({ "default-role": "elsewhere/other", "role-rules": JSON.stringify(rules) });
  const red = await smoke(["--role", "red/x", "--network", "red"], settings);
  assertRow(red, "passed", /names no role.*\| `base` \(defaultRole of rule 1\)/);
  const nobodys = await smoke(["--network", "red"], settings);
  assertRow(nobodys, "passed", /A container has its role \| `base`/);
  const refused = await smoke(["--role", ROLE], settings);
  assertRow(
    refused,
    "passed",
    /names no role.*\| answered 404: rule 2 of roleRules does not let taskrole-smoke-nameless/,
  );
  for (const { code, stdout, stderr } of [red, nobodys, refused]) assert.equal(code, 0, stdout + stderr);
  await lab.engine.docker("network", "rm", "red");
});

test("a container on the host's network has its own role where that is the setting", async () => {
  await lab.daemon.stop();
  await lab.daemon.start({ "default-role": "base", "host-network": "identify" });
  const ran = await smoke(["--role", ROLE], { TASKROLE_DEFAULT_ROLE: "base", TASKROLE_HOST_NETWORK: "identify" });
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  assertRow(ran, "passed", /on the host's network.*\| `base` \(setting defaultRole\)/);
  const none = await smoke(["--role", ROLE]);
  assertRow(none, "failed", /on the host's network.*\| listed `base`; it is to have none/);
});

test("what `interception status` warns of is in the report", async () => {
  const container = await lab.run();
  const ran = await smoke(["--role", ROLE], { TASKROLE_CONTAINER_CGROUPS: '["elsewhere"]' });
  assertRow(ran, "failed", /packet rules are.*; it warns: hostNetwork is not kept for the containers in the cgroup/);
  await container.remove();
});

test("a daemon with other settings than the file's: the wrong role is named", async () => {
  await lab.daemon.stop();
  await lab.daemon.start({ "default-role": "beta", "metadata-tokens": "optional" });
  const ran = await smoke([], { TASKROLE_DEFAULT_ROLE: "alpha" });
  assert.equal(ran.code, 1);
  assertRow(ran, "failed", /A container has its role \| listed `beta` instead of `alpha`/);
  assertRow(ran, "failed", /names no role.*\| listed `beta`; it is to have `alpha` \(setting defaultRole\)/);
  assertRow(ran, "failed", /IMDSv1.*\| without a token 200; `metadataTokens` is required/);
  assertRow(ran, "passed", /No container reaches the host's role/);
});

test("no packet of all these containers reached the real service", async () => {
  assert.equal(await lab.instance.strangersAtMetadata(), 0);
});

test("a host without a daemon: nothing answers, so nothing passes for being safe", async () => {
  await lab.daemon.stop();
  const ran = await smoke(["--role", ROLE]);
  assert.equal(ran.code, 1);
  assertRow(ran, "failed", /A container has its role \| nothing answered \(ECONNREFUSED\): does the daemon run\?/);
  assertRow(ran, "failed", /No container reaches the host's role \| nothing answered \(ECONNREFUSED\)/);
});

test("a host without interception: the report says aloud that the host's role was reached", async () => {
  await run(lab.instance.onInstance(taskroleProgram, "interception", "down"));
  const ran = await smoke(["--role", ROLE]);
  assert.equal(ran.code, 1);
  assertRow(
    ran,
    "failed",
    new RegExp(`No container reaches.*A CONTAINER REACHED the host's (own keys|role \`${HOST_ROLE}\`)`),
  );
  assertRow(ran, "failed", /on the host's network.*\| A CONTAINER REACHED the host's (own keys|role)/);
  assertRow(ran, "failed", /packet rules are in place \| not in place: .*table inet taskrole \(absent\)/);
  assertRow(ran, "failed", new RegExp(`A container has its role \\| listed \`${HOST_ROLE}\`, the host's own role,`));
  for (const secret of (await lab.ec2.hostSecrets()).filter((text) => text.length > 20))
    assert.ok(!(ran.stdout + ran.stderr).includes(secret));
  await assertNothingLeft();
});

test("Docker stopped: one line says so, and nothing is tried", async () => {
  await lab.engine.stop();
  const { code, stdout, stderr } = await smoke(["--role", ROLE]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^taskrole smoke: "docker --host unix:\S+ version --format …" failed: .*\n$/);
});
