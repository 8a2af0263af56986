import assert from "node:assert/strict";
import { chmod } from "node:fs/promises";
import { test } from "node:test";
import type { Container, ContainerOptions } from "./support/containers.ts";
import { HOST_ROLE } from "./support/ec2.ts";
import { CGROUP_PARENT } from "./support/engine.ts";
import { ADDRESSES } from "./support/instance.ts";
import { startLab } from "./support/lab.ts";
import { CREDENTIALS_PATH } from "./support/metadata-client.ts";
import { leaksIn } from "./support/nothing-leaked.ts";
import { eventually, run, tryRun } from "./support/programs.ts";
import { taskroleProgram } from "./support/settings.ts";

/** Containers on the host's own network, whose packets EC2 cannot tell from those of the host's own programs. */
const lab = await startLab();
/** Whatever user a container runs as, it makes its socket there. */
await chmod(lab.containers.folder, 0o777);
const onHost = (options: ContainerOptions = {}) => lab.run({ ...options, network: "host" });

/** What the instance's own programs are answered. */
const askedByHost = (path: string, address: string = ADDRESSES.metadata4) =>
  run(
    lab.instance.onInstance(
      "curl",
      "-sg",
      "--noproxy",
      "*",
      `http://${address.includes(":") ? `[${address}]` : address}${path}`,
    ),
  );

/** By paths that nobody else asks for: EC2 sees no difference in the packets. What was asked until now is in its log. */
async function reachedEc2(mark: string): Promise<boolean> {
  const wasAsked = (word: string) => lab.ec2.requests.some(({ path }) => path.includes(word));
  fences += 1;
  await askedByHost(`/latest/meta-data/fence-${fences}`);
  await eventually(async () => assert.ok(wasAsked(`fence-${fences}`), "the lab sees who reaches EC2"));
  return wasAsked(mark);
}
let fences = 0;

async function restartWith(hostNetwork: string): Promise<void> {
  await lab.daemon.stop();
  await lab.daemon.start({ "host-network": hostNetwork });
}

async function assertRefused(container: Container, mark: string): Promise<void> {
  for (const metadata of [container.metadata, container.metadata.over6]) {
    assert.equal((await metadata.askToken()).status, 404);
    assert.equal((await metadata.get(CREDENTIALS_PATH)).status, 404);
    assert.equal((await metadata.get(`/latest/meta-data/${mark}`)).status, 404);
  }
  assert.equal(await reachedEc2(mark), false);
}

test("the host's own programs reach EC2 as before, over both families", async () => {
  assert.equal(await askedByHost(CREDENTIALS_PATH), HOST_ROLE);
  // The wire is new: its two ends may not have found each other yet.
  const over6 = () => askedByHost(CREDENTIALS_PATH, ADDRESSES.metadata6);
  assert.equal(await eventually(over6, 20_000), HOST_ROLE);
  await askedByHost("/latest/meta-data/asked-by-the-host");
  assert.ok(await reachedEc2("asked-by-the-host"));
});

test("by default a container on the host's network gets nothing, and never reaches EC2", async () => {
  await assertRefused(await onHost({ role: "refused" }), "asked-by-refused");
});

test("not by its very first act either, nor as whatever user it runs", async () => {
  for (const user of ["0", "990", "65534"]) {
    const container = await onHost({ asksFirst: true, args: user === "0" ? [] : ["--user", user] });
    const { token, role, credentials } = await container.firstWords();
    const said = [token, role, credentials].map((word) => (typeof word === "string" ? word : word.status));
    // It goes on with the page of the 404 as its token, which no header can hold.
    assert.deepEqual(said, [404, 400, 400], JSON.stringify(token));
    await assertRefused(container, `asked-by-${user}`);
  }
});

test("other ports of the metadata address are closed to it", async () => {
  const container = await onHost();
  for (const [address, port] of [
    [ADDRESSES.metadata4, 443],
    [ADDRESSES.metadata6, 8080],
    ["127.0.0.1", 9254],
    [ADDRESSES.instance4, 9254],
  ] as const) {
    const connection = container.connect({ address, port });
    assert.equal((await connection.ended()).outcome, "ECONNREFUSED", `${address} ${port}`);
    connection.close();
  }
});

test("the refusal's line names the container and the remedy", async () => {
  const container = await onHost({ name: "named", role: "x" });
  await container.metadata.askToken();
  await eventually(async () => {
    const line = lab.daemon.log.find(({ reason }) => String(reason).startsWith(`named (${container.id.slice(0, 12)})`));
    assert.equal(line?.["refusal"], "host-network-refused");
    assert.match(String(line?.["remedy"]), /hostNetwork: identify/);
  });
});

test("a container on a bridge is served as ever beside them", async () => {
  assert.equal(await (await lab.run({ role: "bridged" })).role(), "bridged");
});

test("the daemon killed: refused a connection, and the host is not", async () => {
  const container = await onHost();
  await lab.daemon.kill();
  try {
    for (const metadata of [container.metadata, container.metadata.over6])
      assert.equal((await metadata.askToken()).status, "ECONNREFUSED");
    const newborn = await onHost({ asksFirst: true });
    assert.equal((await newborn.firstWords()).token, "ECONNREFUSED");
    assert.equal(await askedByHost(CREDENTIALS_PATH), HOST_ROLE);
  } finally {
    await lab.daemon.start();
  }
});

test("identify: each of two gets its own role, from its first act on, and a third without a role has none", async () => {
  await restartWith("identify");
  const [red, blue, none] = await Promise.all([
    onHost({ role: "red", asksFirst: true }),
    onHost({ role: "blue", asksFirst: true, args: ["--user", "990"] }),
    onHost(),
  ]);
  assert.equal((await red.firstIdentity()).roleName, "red");
  assert.equal((await blue.firstIdentity()).roleName, "blue");
  for (const metadata of [none.metadata, none.metadata.over6]) {
    const token = await metadata.token();
    assert.equal((await metadata.get(CREDENTIALS_PATH, token)).status, 404);
    assert.equal((await metadata.get(CREDENTIALS_PATH + HOST_ROLE, token)).status, 404);
  }
  for (const [container, role] of [
    [red, "red"],
    [blue, "blue"],
  ] as const) {
    assert.equal(await container.role(), role);
    assert.equal(await container.role(container.metadata.over6), role);
  }
});

test("identify: asked all at once, no container gets another's role, and none another's token is of use", async () => {
  const containers = await Promise.all(["a", "b", "c"].map((role) => onHost({ role })));
  const roles = await Promise.all(
    containers.flatMap((container) => new Array(8).fill(container).map((one: Container) => one.metadata.credentials())),
  );
  assert.deepEqual(
    roles.map(({ roleName }) => roleName),
    ["a", "b", "c"].flatMap((role) => new Array(8).fill(role)),
  );
  const [a, b] = containers;
  assert.equal((await b?.metadata.get(CREDENTIALS_PATH, await a?.metadata.token()))?.status, 401);
});

test("identify: a restarted container is itself again, and a process of the host in the engine's cgroup is nobody", async () => {
  const container = await onHost({ role: "again" });
  assert.equal(await container.role(), "again");
  await lab.engine.docker("restart", "-t", "0", container.id);
  await container.ready();
  assert.equal(await container.role(), "again");
  const stranger = await tryRun([
    "sh",
    "-c",
    'for root in /sys/fs/cgroup /sys/fs/cgroup/unified; do [ -e $root/cgroup.procs ] && [ -e "$root/$0" ] && echo 0 >"$root/$0/cgroup.procs"; done; exec "$@"',
    CGROUP_PARENT,
    ...lab.instance.onInstance(
      "curl",
      "-s",
      "--noproxy",
      "*",
      "-w",
      "%{http_code}",
      "-o",
      "/dev/null",
      `http://${ADDRESSES.metadata4}/`,
    ),
  ]);
  assert.equal(stranger.stdout, "403", stranger.stderr);
});

test("nothing of the host's own was heard so far", async () => {
  assert.deepEqual(await leaksIn(lab), []);
});

test("host: such a container has the instance's role, which is what the others are kept from", async () => {
  await restartWith("host");
  const container = await onHost({ role: "ignored" });
  assert.equal((await container.metadata.get(CREDENTIALS_PATH)).body, HOST_ROLE);
  await container.metadata.get("/latest/meta-data/asked-by-a-container");
  assert.ok(await reachedEc2("asked-by-a-container"), "the lab would have seen it before");
  const { code, stdout } = await lab.daemon.command("interception", "status", "--host-network", "host");
  assert.equal(code, 0, stdout);
});

test("status shows what is kept, and what is not", async () => {
  await restartWith("refuse");
  const command = ["env", 'TASKROLE_CONTAINER_CGROUPS=["docker"]', taskroleProgram, "interception", "status"];
  const blind = await tryRun(lab.instance.onInstance(...command));
  assert.match(blind.stdout, new RegExp(`hostNetwork is not kept for the containers in the cgroup ${CGROUP_PARENT},`));
  const { code, stdout: seeing } = await lab.daemon.command("interception", "status");
  assert.equal(code, 0, seeing);
  assert.match(seeing, /^present {3}chain inet taskrole container_redirect$/m);
  assert.match(
    seeing,
    new RegExp(`\\d  host-network containers of ${CGROUP_PARENT} \\(cgroup \\d+\\) go to port 9254`),
  );
  assert.doesNotMatch(seeing, new RegExp(`not kept for the containers in the cgroup ${CGROUP_PARENT},`));
});

test("a container that starts in a cgroup which is not looked at is told of at once, by its cgroup", async () => {
  await lab.daemon.stop();
  const elsewhere = ["e2e-elsewhere"];
  await lab.daemon.start({ "container-cgroups": JSON.stringify(elsewhere) });
  const told = () =>
    lab.daemon.log.filter(({ reason }) =>
      String(reason).includes(`not kept for the containers in the cgroup ${CGROUP_PARENT}`),
    );
  const before = told().length;
  const [one, other] = [await onHost(), await onHost()];
  await eventually(async () => assert.equal(told().length, before + 1, "once, not for each container"));
  await Promise.all([one.remove(), other.remove()]);
});

test("held from the boot on where the daemon never starts, when it would reach EC2 otherwise; the host is not", async () => {
  await lab.daemon.stop();
  const interception = async (word: string) => {
    const { code, stderr } = await lab.daemon.command("interception", word);
    assert.equal(code, 0, stderr);
  };
  await interception("down");
  const [container, bridged] = [await onHost({ role: "held" }), await lab.run({ role: "held" })];
  assert.equal((await container.metadata.get(CREDENTIALS_PATH)).body, HOST_ROLE, "what is to be prevented");
  await interception("hold");
  const newborn = await onHost({ asksFirst: true });
  assert.equal((await newborn.firstWords()).token, "ECONNREFUSED");
  for (const one of [container.metadata, container.metadata.over6])
    assert.equal((await one.get(CREDENTIALS_PATH)).status, "ECONNREFUSED");
  assert.equal((await bridged.metadata.get(CREDENTIALS_PATH)).status, "EHOSTUNREACH");
  assert.equal(await askedByHost(CREDENTIALS_PATH), HOST_ROLE);
  await lab.daemon.start();
  await assertRefused(container, "asked-after-the-hold");
  assert.equal(await bridged.role(), "held");
});
