import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { chmod, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Launching } from "./support/daemon.ts";
import { startLab } from "./support/lab.ts";
import { CREDENTIALS_PATH } from "./support/metadata-client.ts";
import { testThatNothingLeaked } from "./support/nothing-leaked.ts";
import { eventually, type LongRunning, run } from "./support/programs.ts";
import { taskroleProgram } from "./support/settings.ts";

/** The daemon as a user of its own, with what docs/interception.md says it needs, and then with less. */
const lab = await startLab({ daemon: false });
const onInstance = (...command: readonly string[]) => run(lab.instance.onInstance(...command));

const UID = 990;
const CAPABILITIES = ["net_admin", "sys_ptrace"] as const;
type Capability = (typeof CAPABILITIES)[number];
/** CAP_NET_ADMIN is bit 12, CAP_SYS_PTRACE bit 19: capabilities(7). */
const BOTH_BITS = "0000000000081000";

await chmod(lab.instance.folder, 0o711);
const program = join(lab.instance.folder, "taskrole");
await onInstance("touch", program);
await onInstance("mount", "--bind", taskroleProgram, program);
await onInstance("install", "-d", "-o", `${UID}`, "-g", `${UID}`, "-m", "755", "/run/taskrole");
await lab.engine.docker("network", "create", "--ipv6", "--subnet", "fd00:6::/64", "six");
const socket = await stat(lab.engine.socket);

function ownUser(capabilities: readonly Capability[], groups = `${socket.gid}`): Launching {
  const only = ["-all", ...capabilities.map((name) => `+${name}`)].join(",");
  const user = [
    "--reuid",
    `${UID}`,
    "--regid",
    `${UID}`,
    ...(groups === "" ? ["--clear-groups"] : ["--groups", groups]),
  ];
  const limits = ["--inh-caps", only, "--ambient-caps", only, "--bounding-set", only, "--no-new-privs"];
  return { program, through: ["setpriv", ...user, ...limits] };
}

interface Said {
  readonly level: string;
  readonly msg: string;
  readonly refusal?: string;
  readonly reason: string;
  readonly remedy: string;
}

/** A line of this life's log, once it is there. */
async function said(life: LongRunning, wanted: (line: Said) => boolean): Promise<Said> {
  const parsed = (line: string): Said | undefined => (line.startsWith("{") ? JSON.parse(line) : undefined);
  const found = await life.waitForLine((line) => {
    const object = parsed(line);
    return object !== undefined && wanted(object);
  });
  return JSON.parse(found) as Said;
}

/** The machine's cgroups are seen from here too, those of other suites' containers among them. */
const isOfOtherRuns = (line: object): boolean =>
  "reason" in line && /^hostNetwork is not kept for the containers in the cgroup /.test(String(line.reason));

const start = () => lab.daemon.startWith(ownUser(CAPABILITIES));

test("the Engine's socket is root's and its group's alone", () => {
  assert.deepEqual([socket.uid, (socket.mode & 0o777).toString(8)], [0, "660"]);
  assert.notEqual(socket.gid, 0);
});

test("it runs as that user, with two capabilities and the socket's group", async () => {
  const { innermostPid } = await start();
  const status = readFileSync(`/proc/${innermostPid}/status`, "latin1");
  assert.match(status, /^Uid:\t990\t990\t990\t990$/m);
  assert.match(status, new RegExp(`^Groups:\t${socket.gid} $`, "m"));
  for (const set of ["CapPrm", "CapEff", "CapBnd", "CapAmb"])
    assert.match(status, new RegExp(`^${set}:\t${BOTH_BITS}$`, "m"));
  assert.deepEqual(
    lab.daemon.log.filter(({ level }) => level === "warn" || level === "error").filter((line) => !isOfOtherRuns(line)),
    [],
  );
});

test("containers get their roles at their first request, over IPv4 and IPv6, each bound in the kernel", async () => {
  const first = await lab.run({ role: "first", asksFirst: true });
  assert.equal((await first.firstIdentity()).roleName, "first");
  const six = await lab.run({ role: "six", network: "six", asksFirst: true });
  assert.equal((await six.firstIdentity()).roleName, "six");
  assert.equal(await six.role(six.metadata.over6), "six");
  const { stdout } = await lab.daemon.command("interception", "status");
  for (const { name, id } of [first, six]) {
    assert.match(stdout, new RegExp(`veth\\w+ +[0-9a-f:]{17} +${name} \\(${id.slice(0, 12)}\\) since`));
  }
  assert.match(stdout, new RegExp(`^ {2}fd00:6::\\S+ +veth\\w+ .* ${six.name} `, "m"));
});

test("an address used again is its new owner's", async () => {
  const former = await lab.run({ role: "former" });
  const [address, token] = [await former.address(), await former.metadata.token()];
  await former.remove();
  const heir = await lab.run({ role: "heir", asksFirst: true });
  assert.equal(await heir.address(), address);
  assert.equal((await heir.firstIdentity()).roleName, "heir");
  assert.equal((await heir.metadata.get(CREDENTIALS_PATH, token)).status, 401);
});

test("rules that someone removes come back", async () => {
  const container = await lab.run({ role: "lasting" });
  assert.equal(await container.role(), "lasting");
  for (const family of ["inet", "bridge"]) await onInstance("nft", "delete", "table", family, "taskrole");
  await onInstance("ip", "rule", "del", "pref", "91", "to", "169.254.169.254");
  await eventually(async () => {
    assert.equal((await lab.daemon.command("interception", "status")).code, 0);
    assert.equal(await container.role(), "lasting");
  }, 30_000);
});

test("it restarts, and its tokens outlive it: the runtime directory is its own", async () => {
  const container = await lab.run({ role: "patient" });
  const token = await container.metadata.token();
  await lab.daemon.stop();
  await start();
  assert.deepEqual((await container.metadata.get(CREDENTIALS_PATH, token)).body, "patient");
  assert.equal(await onInstance("stat", "-c", "%u %a", "/run/taskrole/token.key"), `${UID} 600`);
});

test("without CAP_SYS_PTRACE it says so at the start, answers 503, and says why and what to do", async () => {
  await lab.daemon.stop();
  const life = await lab.daemon.startWith(ownUser(["net_admin"]));
  const blind = await lab.run({ role: "unseen" });
  assert.equal((await blind.metadata.askToken(10_000)).status, 503);
  const warning = await said(
    life,
    (line) => line.level === "warn" && line.msg === "interception" && !isOfOtherRuns(line),
  );
  assert.match(warning.reason, /CAP_SYS_PTRACE/);
  const refused = await said(life, ({ refusal }) => refusal === "identity-unavailable");
  assert.match(refused.reason, /\/proc\/\d+\/ns\/net cannot be read: EACCES/);
  assert.match(refused.remedy, /CAP_SYS_PTRACE/);
});

test("without CAP_NET_ADMIN it does not start, and says which capability it lacks", async () => {
  await lab.daemon.stop();
  const life = lab.daemon.launch(ownUser(["sys_ptrace"]));
  assert.equal(await life.exited, 1);
  const words = life.lines.find((line) => line.startsWith("taskrole: ")) ?? assert.fail(life.lines.join("\n"));
  assert.match(words, /may not change the host's network \(CAP_NET_ADMIN\).*AmbientCapabilities=CAP_NET_ADMIN/);
});

test("without the socket's group it starts, answers 503, and names the group to whoever reads the log", async () => {
  const life = await lab.daemon.startWith(ownUser(CAPABILITIES, ""));
  const container = await lab.run({ role: "unknown" });
  assert.equal((await container.metadata.askToken(10_000)).status, 503);
  const deaf = await said(life, ({ msg }) => msg === "not hearing of containers from Docker");
  const refused = await said(life, ({ refusal }) => refusal === "identity-unavailable");
  for (const { reason } of [deaf, refused])
    assert.match(reason, /this user may not open unix:\/\/\S+: add the user to the group docker/);
  assert.match(refused.remedy, /add the user to the group docker/);
});

test("with all of it again, everyone is served again", async () => {
  await lab.daemon.stop();
  await start();
  const container = await lab.run({ role: "well", asksFirst: true });
  assert.equal((await container.firstIdentity()).roleName, "well");
});

testThatNothingLeaked(lab);
