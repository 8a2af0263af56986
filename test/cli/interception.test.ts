import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { runCommand } from "../../src/kit/run-command.ts";
import { hasMeans, Namespace, whyNoLab } from "../kernel/network-lab.ts";

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const missingMeans = await whyNoLab();
const argvOf = (args: string): readonly string[] => [
  process.execPath,
  "src/cli/main.ts",
  "interception",
  ...args.split(" ").filter(Boolean),
];

async function taskrole(args: string, run = runCommand): Promise<Ended> {
  const outcome = await run(argvOf(args));
  return outcome.kind === "exited" ? outcome : assert.fail(JSON.stringify(outcome));
}

async function host(t: TestContext): Promise<{ namespace: Namespace; command: (args: string) => Promise<Ended> }> {
  const namespace = await Namespace.open();
  t.after(() => namespace.close());
  return { namespace, command: (args) => taskrole(args, namespace.run) };
}

test("print shows the commands, whole, and needs no root", async () => {
  const { code, stdout, stderr } = await taskrole("print --host-network host");
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  assert.equal(stdout, readFileSync("test/golden/kernel/print.sh", "utf8"));
});

test("what print shows can be pasted into a shell, and does what up does", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { namespace, command } = await host(t);
  const paste = async (argumentsOfPrint: string) => {
    const { stdout } = await taskrole(argumentsOfPrint);
    const pasted = await namespace.run(["sh", "-e", "-c", stdout]);
    assert.deepEqual(pasted, { kind: "exited", code: 0, stdout: "", stderr: "" });
    return stdout;
  };
  // Where no engine has run yet, its cgroup is among the commands.
  await command("up --port 7777");
  await command("down");
  assert.doesNotMatch(await paste("print --port 7777"), /mkdir/);
  const everything = "nft --stateless list ruleset\nip rule\nip -6 rule";
  const byPaste = await namespace.must(everything);
  assert.equal((await command("status --port 7777")).code, 0);
  await command("up --port 7777");
  assert.equal(await namespace.must(everything), byPaste);
});

test("print names the cgroups that up makes, where no engine has made them", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { namespace } = await host(t);
  const name = `taskrole-${process.pid}`;
  const setting = `TASKROLE_CONTAINER_CGROUPS=["${name}"]`;
  const command = (args: string) =>
    taskrole(args, (argv, options) => namespace.run(["env", setting, ...argv], options));
  const paste = async () => {
    const { stdout } = await command("print");
    assert.equal((await namespace.run(["sh", "-e", "-c", `ip() { :; }\n${stdout}`])).kind, "exited");
    return stdout;
  };
  const first = await paste();
  const folder = /^mkdir (\/sys\/fs\/cgroup\/.+)$/m.exec(first)?.[1] ?? assert.fail(first);
  t.after(() => rmdirSync(folder));
  assert.ok(folder.endsWith(`/${name}`) && !first.includes(`socket cgroupv2 level 1`), first);
  const second = await paste();
  assert.ok(!second.includes("mkdir") && second.includes("socket cgroupv2 level 1"), second);
  const rules = () => namespace.must("nft --stateless list table inet taskrole");
  const byPaste = await rules();
  await command("up");
  assert.equal(await rules(), byPaste);
});

test("status, up, status, down, down: what is there, what to do, what was done", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { command } = await host(t);
  const before = await command("status --host-network host");
  assert.equal(before.code, 1);
  assert.match(before.stdout, /^ABSENT {4}table inet taskrole$/m);
  assert.match(before.stdout, /^Not everything is in place: run `taskrole interception up` as root/m);

  assert.deepEqual(await command("up --host-network host"), {
    kind: "exited",
    code: 0,
    stdout: "In place: what containers ask of the metadata service comes to port 9254 of this host.\n",
    stderr: "",
  });
  const after = await command("status --host-network host");
  assert.equal(after.code, 0);
  assert.match(after.stdout, /^present {3}table inet taskrole$/m);
  assert.match(after.stdout, /^ {7}0 {2}let in: redirected IPv4 requests$/m);
  assert.match(after.stdout, /^Everything is in place\.$/m);

  const down = await command("down");
  assert.equal(down.code, 0);
  assert.match(
    down.stdout,
    /^Removed:\n {2}table inet taskrole\n(.+\n)* {2}ip rule pref 91 to 169\.254\.169\.254 prohibit\n/,
  );
  assert.match(
    down.stderr,
    /^taskrole: Containers now reach the real metadata service.*--http-put-response-hop-limit 1$/m,
  );
  assert.match(down.stderr, /^taskrole: A taskrole that is still running puts the rules back/m);
  assert.equal((await command("down")).stdout, "There was nothing to remove.\n");
});

test("the settings are the daemon's, and the flags of the command beat them", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { namespace } = await host(t);
  const folder = mkdtempSync(join(tmpdir(), "taskrole-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "config.yaml");
  writeFileSync(
    file,
    'listen: "[::]:7001"\ncontainerCredentials: "off"\nrefusedUsers: ["1000-59999"]\nhostNetwork: identify\n',
  );
  const command = (args: string, environment: readonly string[] = []) =>
    taskrole(args, (argv, options) => namespace.run(["env", ...environment, ...argv], options));
  const rules = () => namespace.must("nft --stateless list table inet taskrole");

  assert.match((await command(`up --config ${file}`)).stdout, /port 7001 of this host/);
  const byFile = await rules();
  assert.ok(byFile.includes("chain container_redirect") && byFile.includes("meta skuid 1000-59999"), byFile);
  assert.ok(!byFile.includes("169.254.170.2"), byFile);
  assert.equal((await command("status", [`TASKROLE_CONFIG=${file}`])).code, 0);
  assert.equal((await command("status", [`TASKROLE_CONFIG=${file}`, "TASKROLE_REFUSED_USERS=[]"])).code, 1);

  const flags = `--config ${file} --port 7002 --host-network host`;
  assert.match((await command(`up ${flags}`, ["TASKROLE_HOST_NETWORK=refuse"])).stdout, /port 7002 of this host/);
  const byFlags = await rules();
  assert.ok(!byFlags.includes("chain container_redirect") && byFlags.includes("meta skuid 1000-59999"), byFlags);

  await command("up --no-container-credentials", ["TASKROLE_CONTAINER_CREDENTIALS=open"]);
  assert.ok(!(await rules()).includes("169.254.170.2"));
  const wrong = await command("up", ["TASKROLE_HOST_NETWORK=maybe"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /TASKROLE_HOST_NETWORK: hostNetwork must be one of refuse, host, identify/);
});

test("hold puts in what refuses and nothing that redirects, whatever is wrong in the settings", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { namespace, command } = await host(t);
  const folder = mkdtempSync(join(tmpdir(), "taskrole-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "config.yaml");
  const readable = 'containerCredentials: "off"\nhostNetwork: host\nrefusedUsers: ["4711"]\n';
  writeFileSync(file, `lissten: x\nmetadataTokens: perhaps\n${readable}`);
  const held = await command(`hold --config ${file}`);
  assert.deepEqual({ code: held.code, stderr: held.stderr }, { code: 0, stderr: "" });
  assert.match(held.stdout, /^Held: no container reaches the real metadata service/);
  const packetRules = await namespace.must("nft list ruleset");
  assert.deepEqual(packetRules.match(/\bchain \w+/g), [
    "chain forward",
    "chain deny",
    "chain host_deny",
    "chain output",
  ]);
  assert.match(packetRules, /meta skuid 4711 counter .* jump deny/);
  const rules = await namespace.must("ip rule");
  assert.match(rules, /^91:\tfrom all to 169\.254\.169\.254 prohibit$/m);
  assert.doesNotMatch(rules, /169\.254\.170/);
  assert.match((await command(`down`)).stdout, /ip rule pref 91 to 169\.254\.169\.254 prohibit/);
  writeFileSync(file, "interception: none\n");
  assert.match(
    (await command(`hold --config ${file}`)).stdout,
    /^Nothing is held: the setting interception is none\.$/m,
  );
  assert.doesNotMatch(await namespace.must("ip rule"), /169\.254/);
});

test("status says which part is wrong, also to programs", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { namespace, command } = await host(t);
  await command("up");
  await namespace.must("ip rule del pref 91\nnft flush chain inet taskrole output");
  const text = await command("status");
  assert.equal(text.code, 1);
  assert.match(text.stdout, /^ABSENT {4}ip rule pref 91 to 169\.254\.169\.254 prohibit$/m);
  assert.match(
    text.stdout,
    /^CHANGED {3}chain inet taskrole output\n {12}a rule is missing: dropped: retransmissions/m,
  );
  const json = await command("status --json");
  assert.equal(json.code, 1);
  const { isInPlace, parts } = JSON.parse(json.stdout);
  assert.equal(isInPlace, false);
  assert.deepEqual(
    parts.filter(({ state }: { state: string }) => state !== "present").map(({ name }: { name: string }) => name),
    ["chain inet taskrole output", "ip rule pref 91 to 169.254.169.254 prohibit"],
  );
});

test("without the right to change the network the remedy is named", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { namespace } = await host(t);
  for (const args of ["up", "status"]) {
    const outcome = await namespace.run(["setpriv", "--bounding-set=-net_admin", ...argvOf(args)]);
    assert.ok(outcome.kind === "exited" && outcome.code === 1, JSON.stringify(outcome));
    assert.match(outcome.stderr, /^taskrole: Cannot run ".*": this process may not change .* \(CAP_NET_ADMIN\)\.$/m);
    assert.match(outcome.stderr, /^taskrole: Run it as root/m);
  }
});

test("with iptables: what is pasted does what up does, status says what is not protected, and down finds it unasked", async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { namespace, command } = await host(t);
  const { stdout } = await taskrole("print --interception iptables --port 7777");
  const pasted = await namespace.run(["sh", "-e", "-c", stdout]);
  assert.deepEqual(pasted, { kind: "exited", code: 0, stdout: "", stderr: "" });
  const rules = async () => (await namespace.must("iptables-save\nip6tables-save\nip rule")).replace(/^#.*\n/gm, "");
  const byPaste = await rules();
  const status = await command("status --interception iptables --port 7777");
  assert.equal(status.code, 0, status.stdout);
  assert.match(status.stdout, /^present {3}iptables nat PREROUTING to TASKROLE-PREROUTING$/m);
  assert.match(status.stdout, /^Warning: With iptables a container's answers are not protected: .* can read them/m);
  const up = await command("up --interception iptables --port 7777");
  assert.match(up.stderr, /^taskrole: With iptables a container's answers are not protected/);
  assert.equal(await rules(), byPaste);
  assert.match((await command("down")).stdout, /^ {2}the chains TASKROLE-\* of table nat \(iptables\)$/m);
  assert.doesNotMatch(await rules(), /TASKROLE/);
});

const MISUSES = [
  "up --interception none",
  "print --interception nft",
  "",
  "upp",
  "up --port 0",
  "up --port 65536",
  "up --port 80x",
  "up --port",
  "up now",
  "down --port 1",
  "status --yaml",
];

for (const args of MISUSES) {
  test(`is bad usage: interception ${args}`, async () => {
    const { code, stdout } = await taskrole(args);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
  });
}

test("help that was asked for is no error", async () => {
  const { code, stdout } = await taskrole("--help");
  assert.equal(code, 0);
  for (const word of ["up", "hold", "down", "status", "print", "docs/interception.md"])
    assert.ok(stdout.includes(word));
});
