import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { chown, mkdir, rmdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import manifest from "../../package.json" with { type: "json" };
import { commandOf } from "../install/page.ts";
import { HOST_ROLE } from "./support/ec2.ts";
import { CGROUP_PARENT, IMAGES } from "./support/engine.ts";
import { ADDRESSES, STS_URL } from "./support/instance.ts";
import { startLab } from "./support/lab.ts";
import { CREDENTIALS_PATH } from "./support/metadata-client.ts";
import { testThatNothingLeaked } from "./support/nothing-leaked.ts";
import { eventually, run, tryRun } from "./support/programs.ts";

/** taskrole in a container of its own, started as docs/install/container.md says, on an engine as most hosts run it. */
const lab = await startLab({ daemon: false });
const { docker } = lab.engine;
const onInstance = (...command: readonly string[]) => run(lab.instance.onInstance(...command));
await lab.engine.stop();
await lab.engine.start({ liveRestore: false });

const PAGE = "docs/install/container.md";
const USER = 65_530;
/** CAP_NET_ADMIN is bit 12, CAP_SYS_PTRACE bit 19: capabilities(7). */
const BOTH_BITS = "0000000000081000";

const settings = join(lab.instance.folder, "etc");
const runtime = join(lab.instance.folder, "run");
await mkdir(settings);
await mkdir(runtime);
await chown(runtime, USER, USER);
await writeFile(
  join(settings, "config.yaml"),
  JSON.stringify({ stsEndpoint: STS_URL, region: "us-east-1", containerCgroups: [CGROUP_PARENT], logLevel: "debug" }),
);

/** The lab's engine has its socket elsewhere, and the machine's own /etc and /run stay as they are. */
const PLACES: readonly (readonly [onAnyHost: string, here: string])[] = [
  ["-c %g /var/run/docker.sock", `-c %g ${lab.engine.socket}`],
  ["-v /var/run/docker.sock:", `-v ${lab.engine.socket}:`],
  ["-v /run/taskrole:", `-v ${runtime}:`],
  ["-v /etc/taskrole:", `-v ${settings}:`],
];
const LINE = PLACES.reduce((line, [there, here]) => swapped(line, there, here), commandOf(PAGE, "docker run -d"));

function swapped(text: string, there: string, here: string): string {
  assert.equal(text.split(there).length, 2, `${PAGE} says "${there}" once`);
  return text.replace(there, here);
}

const typed = (text: string): Promise<string> =>
  run(["sh", "-ec", text], {
    env: { DOCKER_HOST: `unix://${lab.engine.socket}`, DOCKER_BUILDKIT: "0" },
    timeoutMs: 240_000,
  });

await docker("image", "prune", "-f"); // of an earlier run's program
const build = commandOf(PAGE, "npm run build").replace("npm run build\n", "");
await typed(
  swapped(build, "docker build ", `docker build --build-arg BASE=${IMAGES.base}:latest --build-arg PACKAGES= `),
);

const QUICK_CHECKS = "--health-interval 1s --health-timeout 5s --health-retries 1";
const health = () => docker("inspect", "-f", "{{.State.Health.Status}}", "taskrole");
const becomes = (wanted: string) => eventually(async () => assert.equal(await health(), wanted), 60_000);

async function start(line = LINE): Promise<void> {
  await docker("rm", "-f", "taskrole").catch(() => {});
  await typed(swapped(line, "docker run -d ", `docker run -d ${QUICK_CHECKS} `));
  await becomes("healthy");
}

/** @returns what it said, once it has ended by itself */
async function failedStart(line: string): Promise<string> {
  await docker("rm", "-f", "taskrole");
  await typed(swapped(line, "--restart always", "--restart no"));
  assert.equal(await docker("wait", "taskrole"), "1");
  // The last of what it wrote may still be on its way into the Engine's log.
  return eventually(async () => {
    const written = await docker("logs", "taskrole");
    assert.notEqual(written, "");
    return written;
  });
}

const warnings = async (): Promise<readonly string[]> =>
  (await docker("logs", "taskrole"))
    .split("\n")
    .filter((line) => /^\{"level":"(warn|error)"/.test(line))
    // The machine's cgroups are seen from here too, those of other suites' containers among them.
    .filter((line) => !line.includes("is not kept for the containers in the cgroup"));

const ASK = 'exec 3<>/dev/tcp/169.254.169.254/80; printf "GET $0 HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3';
/** @returns the first line of what is answered */
const askedIn = async (container: string, path: string): Promise<string> =>
  (await docker("exec", container, "bash", "-c", ASK, path)).split("\r\n")[0] ?? "";

let fences = 0;
/** By a path that nobody else asks for. What was asked until now is in EC2's log. */
async function reachedEc2(mark: string): Promise<boolean> {
  const wasAsked = (word: string) => lab.ec2.requests.some(({ path }) => path.includes(word));
  fences += 1;
  await onInstance("curl", "-s", "--noproxy", "*", `http://${ADDRESSES.metadata4}/latest/meta-data/fence-${fences}`);
  await eventually(async () => assert.ok(wasAsked(`fence-${fences}`), "the lab sees who reaches EC2"));
  return wasAsked(mark);
}

test("the image says what it is, is not root's, and has no setuid program", async () => {
  const { Config: config } = JSON.parse(await docker("image", "inspect", "-f", "{{json .}}", "taskrole"));
  assert.equal(config.User, `${USER}:${USER}`);
  assert.equal(config.Labels["org.opencontainers.image.version"], manifest.version);
  assert.equal(config.Labels["org.opencontainers.image.licenses"], manifest.license);
  assert.deepEqual(config.Healthcheck.Test, ["CMD", "taskrole", "health"]);
  const find = [
    "--rm",
    "--user",
    "0",
    "--entrypoint",
    "find",
    "taskrole",
    "/",
    "-xdev",
    "-type",
    "f",
    "-perm",
    "/6000",
  ];
  assert.equal(await docker("run", ...find), "");
});

test("the image is refused an nft other than the one that is named", async () => {
  const other = swapped(
    build,
    "docker build ",
    `docker build --build-arg BASE=${IMAGES.base}:latest --build-arg PACKAGES= --build-arg NFT=1.1.3 `,
  );
  await assert.rejects(typed(other), /this base has nftables v1\.0\.6 .*, not 1\.1\.3: take another base/);
});

test("what starts before taskrole after a boot reaches nobody: the guard's rules are there", async () => {
  const guard = readFileSync("deploy/systemd/taskrole-guard.service", "utf8");
  const commands = [...guard.matchAll(/^ExecStart=(-?)((?:ip|nft|sh) .*)$/gm)];
  assert.equal(commands.length, 20);
  const onHost = await lab.run({ name: "early-on-host", role: "early", network: "host" });
  const fromEc2 = () => onHost.metadata.get("/latest/meta-data/instance-id");
  assert.equal((await fromEc2()).status, 200, "what is to be prevented");
  // This host has other control groups than most, may have cgroup 1 beside 2, and may lack one that the guard names.
  const parent = `${existsSync("/sys/fs/cgroup/unified") ? "unified/" : ""}${CGROUP_PARENT}`;
  for (const [, mayFail, command = ""] of commands) {
    const here = command.replace('"docker.slice"', `"${parent}"`);
    const { code, stderr } = await tryRun(lab.instance.onInstance("sh", "-ec", here));
    const isMissing = mayFail !== "" && here.includes('"docker"') && stderr.includes("docker");
    assert.ok(code === 0 || isMissing, `${here}: ${stderr}`);
  }
  for (const metadata of [onHost.metadata, onHost.metadata.over6])
    assert.equal((await metadata.get(CREDENTIALS_PATH)).status, "ECONNREFUSED");
  assert.equal((await fromEc2()).status, "ECONNREFUSED");
  await docker("network", "create", "--ipv6", "--subnet", "fd00:6::/64", "six");
  const early = await lab.run({ name: "early", role: "early", network: "six" });
  assert.equal((await early.metadata.askToken()).status, "EHOSTUNREACH");
  assert.equal((await early.metadata.over6.askToken()).status, "EACCES");
});

test("it starts by the page's line as its own user with two capabilities, and has nothing to warn of", async () => {
  await start();
  const pid = await docker("inspect", "-f", "{{.State.Pid}}", "taskrole");
  const status = await onInstance("cat", `/proc/${pid}/status`);
  assert.match(status, new RegExp(`^Uid:(\t${USER}){4}$`, "m"));
  assert.match(status, new RegExp(`^Groups:\t.*\\b${(await stat(lab.engine.socket)).gid}\\b`, "m"));
  for (const set of ["CapPrm", "CapEff", "CapBnd", "CapAmb"])
    assert.match(status, new RegExp(`^${set}:\t${BOTH_BITS}$`, "m"));
  assert.deepEqual(await warnings(), []);
});

test("containers get their roles, those that were there before it too, over IPv4 and IPv6", async () => {
  const first = await lab.run({ role: "first", asksFirst: true });
  assert.equal((await first.firstIdentity()).roleName, "first");
  const six = await lab.run({ role: "six", network: "six" });
  assert.equal(await six.role(six.metadata.over6), "six");
  const early = lab.containers.asker("early");
  assert.equal(await early.role(), "early");
  const status = await docker("exec", "--user", "0", "taskrole", "taskrole", "interception", "status");
  for (const { name } of [first, six]) assert.match(status, new RegExp(`veth\\w+ +[0-9a-f:]{17} +${name} `));
});

test("another container on the host's network is refused, and never reaches EC2", async () => {
  const other = await lab.run({ network: "host", role: "refused", args: ["--user", "0"] });
  for (const metadata of [other.metadata, other.metadata.over6]) {
    assert.equal((await metadata.askToken()).status, 404);
    assert.equal((await metadata.get(CREDENTIALS_PATH + HOST_ROLE)).status, 404);
    assert.equal((await metadata.get("/latest/meta-data/asked-by-another")).status, 404);
  }
  assert.equal(await reachedEc2("asked-by-another"), false);
});

test("nor does one of the same image, user and labels; what runs in taskrole's own container does", async () => {
  const same = ["--network", "host", "--pid", "host", "--cgroupns", "host", "--hostname", "taskrole"];
  await docker("run", "-d", "--name", "twin", ...same, "--entrypoint", "sleep", "taskrole", "infinity");
  assert.match(await askedIn("twin", "/latest/meta-data/asked-by-the-twin"), /^HTTP\/1\.\d 404 /);
  assert.equal(await reachedEc2("asked-by-the-twin"), false);
  await askedIn("taskrole", "/latest/meta-data/asked-from-within");
  assert.equal(await reachedEc2("asked-from-within"), true);
});

test("nor does what is in a cgroup below taskrole's own", async () => {
  const id = await docker("inspect", "-f", "{{.Id}}", "taskrole");
  const places = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map((root) => join(root, CGROUP_PARENT, id));
  const own = places.find((place) => existsSync(join(place, "cgroup.events")));
  const below = join(own ?? assert.fail("its cgroup is nowhere"), "below");
  await mkdir(below);
  const url = `http://${ADDRESSES.metadata4}/latest/meta-data/asked-from-below`;
  const curl = lab.instance.onInstance("curl", "-s", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}", url);
  assert.equal(await run(["sh", "-ec", 'echo 0 >"$0/cgroup.procs"; exec "$@"', below, ...curl]), "404");
  assert.equal(await reachedEc2("asked-from-below"), false);
  await eventually(() => rmdir(below));
});

test("status, health and reload are asked in the container", async () => {
  await askedIn("taskrole", "/latest/meta-data/");
  const status = await docker("exec", "--user", "0", "taskrole", "taskrole", "interception", "status");
  assert.match(
    status,
    /^ +[1-9]\d* {2}taskrole's own requests, from its container \(cgroup \d+\), are not redirected$/m,
  );
  assert.match(status, /^Everything is in place\.$/m);
  assert.equal(await docker("exec", "taskrole", "taskrole", "health"), "taskrole serves containers");
  assert.equal(await docker("exec", "taskrole", "taskrole", "reload"), "Nothing has changed.");
});

test("a daemon that hangs is unhealthy, with the reason, until it goes on", async () => {
  await docker("kill", "--signal", "STOP", "taskrole");
  try {
    await becomes("unhealthy");
    assert.match(await docker("inspect", "-f", "{{json .State.Health.Log}}", "taskrole"), /does not answer: it hangs/);
  } finally {
    await docker("kill", "--signal", "CONT", "taskrole");
  }
  await becomes("healthy");
});

test("dockerd restarts: taskrole comes back by itself, lets itself through again, and tokens are good still", async () => {
  const lasting = await lab.run({ role: "lasting", args: ["--restart", "always"] });
  assert.equal(await lasting.role(), "lasting");
  await lab.engine.stop();
  await lab.engine.start({ liveRestore: false });
  await lasting.ready();
  await becomes("healthy");
  assert.equal(await eventually(() => lasting.role(), 30_000), "lasting");
  assert.equal(await onInstance("stat", "-c", "%u %a", join(runtime, "token.key")), `${USER} 600`);
  const newborn = await lab.run({ role: "newborn", asksFirst: true });
  assert.equal((await newborn.firstIdentity()).roleName, "newborn");
});

test("a dockerd that leaves containers running and makes its socket anew: the known are served, and all after a restart of taskrole", async () => {
  await lab.engine.stop();
  await lab.engine.start({ liveRestore: true });
  await becomes("healthy");
  const known = await lab.run({ role: "known" });
  assert.equal(await known.role(), "known");
  await lab.engine.stop();
  await lab.engine.start({ liveRestore: true });
  assert.equal(await known.role(), "known");
  const unknown = await lab.run({ role: "unknown" });
  assert.equal((await unknown.metadata.askToken(10_000)).status, 503);
  assert.match((await warnings()).join("\n"), /not hearing of containers from Docker/);
  await docker("restart", "taskrole");
  await becomes("healthy");
  assert.equal(await eventually(() => unknown.role(), 30_000), "unknown");
});

test("taskrole's container gone: containers are refused a connection", async () => {
  const container = await lab.run({ role: "waiting", network: "six" });
  await docker("rm", "-f", "taskrole");
  for (const metadata of [container.metadata, container.metadata.over6])
    assert.equal((await metadata.askToken()).status, "ECONNREFUSED");
  await start();
  assert.deepEqual(await warnings(), [], "the rules of its former life do not keep it from the real service");
  assert.equal(await container.role(), "waiting");
});

test("without the guard, a start after other containers says which could reach the host's role until now", async () => {
  await docker("rm", "-f", "taskrole");
  const [, down = ""] = /`(docker run --rm [^`]* interception down)`/.exec(readFileSync(PAGE, "utf8")) ?? [];
  assert.match(await typed(down), /ip rule pref 91 to 169\.254\.169\.254 prohibit/);
  const exposed = await lab.run({ role: "exposed" });
  await start();
  const told = (await warnings()).filter((line) => line.includes("Containers ran before the routing rules"));
  assert.equal(told.length, 1);
  assert.match(told[0] ?? "", new RegExp(`${exposed.id.slice(0, 12)}.*taskrole-guard\\.service`));
});

test("with no-new-privileges it does not start, and says why; as the container's root it does", async () => {
  const strict = swapped(LINE, "--cap-drop ALL", "--cap-drop ALL --security-opt no-new-privileges");
  assert.match(await failedStart(strict), /may not change the host's network \(CAP_NET_ADMIN\).*no-new-privileges/);
  await run(["chown", "-R", "0:0", runtime]);
  await start(swapped(strict, "--network host", "--user 0 --network host"));
  assert.deepEqual(await warnings(), []);
  const container = await lab.run({ role: "strict", asksFirst: true });
  assert.equal((await container.firstIdentity()).roleName, "strict");
  const pid = await docker("inspect", "-f", "{{.State.Pid}}", "taskrole");
  const status = await onInstance("cat", `/proc/${pid}/status`);
  assert.match(status, /^NoNewPrivs:\t1$/m);
  assert.match(status, new RegExp(`^CapEff:\t${BOTH_BITS}$`, "m"));
  await docker("rm", "-f", "taskrole");
  await run(["chown", "-R", `${USER}:${USER}`, runtime]);
});

test("with less than the line gives it, it says what it lacks", async () => {
  await start(swapped(LINE, "--cgroupns host", "--cgroupns private"));
  assert.match((await warnings()).join("\n"), /hostNetwork is not kept, as /);
  await start(swapped(LINE, " --cap-add SYS_PTRACE", ""));
  assert.match((await warnings()).join("\n"), /CAP_SYS_PTRACE.*--cap-add SYS_PTRACE/);
  const blind = await failedStart(swapped(LINE, "--cap-add NET_ADMIN ", ""));
  assert.match(blind, /may not change the host's network \(CAP_NET_ADMIN\)/);
});

testThatNothingLeaked(lab);
