import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import { ACCOUNT } from "./support/ec2.ts";
import { CGROUP_PARENT } from "./support/engine.ts";
import { ADDRESSES, STS_URL } from "./support/instance.ts";
import { startLab } from "./support/lab.ts";
import { LongRunning, type Ran, run, tryRun } from "./support/programs.ts";
import { taskroleProgram } from "./support/settings.ts";

/** A host that ec2metaproxy's two scripts have set up, and whose start scripts go on calling them by their names. */
const lab = await startLab({ daemon: false });
const SETTINGS = {
  TASKROLE: taskroleProgram,
  TASKROLE_DOCKER_ENDPOINT: `unix://${lab.engine.socket}`,
  TASKROLE_CONTAINER_CGROUPS: JSON.stringify([CGROUP_PARENT]),
  TASKROLE_STS_ENDPOINT: STS_URL,
  TASKROLE_METADATA_URL: `http://${ADDRESSES.metadata4}`,
};
const script = (name: string, ...args: readonly string[]) =>
  lab.instance.onInstance(resolve("examples/ec2metaproxy", name), ...args);
const setUpFirewall = (...args: readonly string[]): Promise<Ran> =>
  tryRun(script("setup-firewall.sh", ...args), { env: SETTINGS });

/** What the old setup-firewall.sh put in, word for word: https://github.com/dump247/ec2metaproxy/blob/master/scripts/setup-firewall.sh */
const OLD_RULES = [
  "-I INPUT -p tcp --dport 18000 ! -i docker0 -j DROP",
  "-t nat -I PREROUTING -p tcp -d 169.254.169.254 --dport 80 -j DNAT --to-destination 172.17.0.1:18000 -i docker0",
];
for (const rule of OLD_RULES) await run(lab.instance.onInstance("iptables", ...rule.split(" ")));
const named = await lab.run({ args: ["-e", `IAM_ROLE=arn:aws:iam::${ACCOUNT}:role/reader`] });
const plain = await lab.run();

test("setup-firewall.sh puts the rules in place, and prints the commands that take the old ones away", async () => {
  const { code, stdout, stderr } = await setUpFirewall("--container-iface", "docker0");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^In place: .* comes to port 18000 /);
  assert.match(stderr, /rules of the old script are still there/);
  const commands = stdout.split("\n").filter((line) => line.startsWith("iptables "));
  assert.equal(commands.length, OLD_RULES.length, stdout);
  for (const line of commands) await run(lab.instance.onInstance(...line.split(" ")));
  const again = await setUpFirewall("--container-iface", "docker0", "--proxy-port", "18000");
  assert.deepEqual([again.code, again.stderr], [0, ""]);
});

test("with the old rules gone nobody is answered until the daemon runs, and nobody reaches the real service", async () => {
  assert.doesNotMatch(await run(lab.instance.onInstance("iptables", "-t", "nat", "-S")), /18000/);
  const connection = plain.metadata.connect();
  assert.equal((await connection.ended()).outcome, "ECONNREFUSED");
  connection.close();
  assert.equal(await lab.instance.strangersAtMetadata(), 0);
});

test("run-docker.sh serves containers as ec2metaproxy did, with the old scripts' options", async () => {
  const options = ["--default-iam-role", `arn:aws:iam::${ACCOUNT}:role/base`, "--proxy-iface", "docker0"];
  const life = new LongRunning(script("run-docker.sh", ...options, "--container-name", "ec2metaproxy"), SETTINGS);
  await life.waitForLine((line) => line.includes('"msg":"listening"'), 20_000);
  assert.match(life.lines.join("\n"), /"port":18000/);
  assert.ok(life.lines.some((line) => /--container-name.*no container is started/.test(line)));
  assert.equal(await named.role(), "reader");
  assert.equal(await plain.role(), "base");
  await life.stop();
});

test("wrong options are said with what to do, before anything is changed", async () => {
  for (const [args, sentence] of [
    [["--container-ifce", "docker0"], /there is no option --container-ifce: see --help/],
    [[], /--container-iface is missing/],
    [["--container-iface"], /--container-iface needs a value/],
    [["--container-iface", "docker0", "--metadata-ip", "10.0.0.1"], /stands in for 169\.254\.169\.254:80 alone/],
    [["--container-iface", "docker0", "--proxy-port", "x"], /--port/],
  ] as const) {
    const { code, stderr } = await setUpFirewall(...args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, sentence);
  }
  const bad = await tryRun(script("run-docker.sh", "--default-iam-role", "no role"), { env: SETTINGS });
  assert.equal(bad.code, 2);
  assert.match(bad.stderr, /default-iam-role/);
  const flynn = await tryRun(script("run-docker.sh", "flynn"), { env: SETTINGS });
  assert.match(flynn.stderr, /Flynn is not asked/);
});

test("--help of each names its options", async () => {
  for (const [name, option] of [
    ["setup-firewall.sh", "--container-iface"],
    ["run-docker.sh", "--default-iam-role"],
  ] as const) {
    const { code, stdout } = await tryRun(script(name, "--help"), { env: SETTINGS });
    assert.equal(code, 0);
    assert.ok(stdout.includes(option), stdout);
  }
});
