import assert from "node:assert/strict";
import { access, copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Container, ContainerOptions } from "./support/containers.ts";
import { IMAGES } from "./support/engine.ts";
import { requestText } from "./support/http-text.ts";
import { startLab } from "./support/lab.ts";
import { CREDENTIALS_PATH } from "./support/metadata-client.ts";
import { testThatNothingLeaked } from "./support/nothing-leaked.ts";
import { eventually, run } from "./support/programs.ts";

/** Rule 2: no workload ever gets another's credentials. */
const lab = await startLab();
/** Room for one container: each gets the address of the one before it. */
await lab.engine.docker("network", "create", "--subnet", "10.9.9.0/30", "one-seat");
const THE_SEAT = "10.9.9.2";

/** Gives the seat to a container for as long as `use` takes, and frees it whatever happens. */
async function seated(options: ContainerOptions, use: (container: Container) => Promise<void>): Promise<void> {
  const container = await lab.run({ network: "one-seat", ...options });
  try {
    assert.equal(await container.address(), THE_SEAT);
    await use(container);
  } finally {
    await container.remove();
  }
}

async function assertIsAtFirst(container: Container, role: string): Promise<void> {
  const { roleName, arn } = await container.firstIdentity();
  assert.equal(roleName, role);
  assert.ok(arn.endsWith(`assumed-role/${role}/${container.name}-${container.id.slice(0, 12)}`), arn);
}

test("containers that follow one another at one address, asking as their first act, are each themselves", async () => {
  let lastToken = "";
  for (let i = 0; i < 12; i++) {
    await seated({ role: `heir-${i}`, asksFirst: true }, async (container) => {
      await assertIsAtFirst(container, `heir-${i}`);
      if (lastToken !== "") assert.equal((await container.metadata.get(CREDENTIALS_PATH, lastToken)).status, 401);
      lastToken = await container.metadata.token();
    });
  }
});

test("a token of one container is worth nothing in another, at the same time", async () => {
  const [a, b] = [await lab.run({ role: "a" }), await lab.run({ role: "b" })];
  const token = await a.metadata.token();
  assert.equal((await b.metadata.get(CREDENTIALS_PATH, token)).status, 401);
  assert.equal((await a.metadata.get(CREDENTIALS_PATH, token)).body, "a");
});

test("two containers of one role have two sessions and two sets of keys", async () => {
  const identities = await Promise.all([1, 2].map(async () => (await lab.run({ role: "shared" })).identity()));
  assert.equal(new Set(identities.map(({ arn }) => arn)).size, 2);
  assert.equal(new Set(identities.map(({ document }) => document.AccessKeyId)).size, 2);
});

test("an address that changes hands while the daemon is dead belongs to its new owner when it is back", async () => {
  let token = "";
  await seated({ role: "former" }, async (former) => {
    token = await former.metadata.token();
    assert.equal(await former.role(), "former");
    await lab.daemon.kill();
  });
  await seated({ role: "heir" }, async (heir) => {
    await lab.daemon.start();
    assert.equal((await heir.metadata.get(CREDENTIALS_PATH, token)).status, 401);
    assert.equal(await heir.role(), "heir");
  });
});

for (const end of ["disconnected from its network", "removed"]) {
  test(`a connection of a container that is ${end} is reset, and its successor is itself`, async () => {
    await seated({ role: "leaver" }, async (leaver) => {
      const headers = { "X-aws-ec2-metadata-token": await leaver.metadata.token(), Connection: "keep-alive" };
      const open = leaver.metadata.connect();
      open.send(requestText({ path: CREDENTIALS_PATH, headers }));
      assert.equal((await open.answer())?.body, "leaver");
      assert.match(await connectionsOf(THE_SEAT), /ESTAB/, "kept alive");
      if (end !== "removed") await lab.engine.docker("network", "disconnect", "one-seat", leaver.id);
    });
    await eventually(async () => assert.equal(await connectionsOf(THE_SEAT), "", "not a trace of it"), 2_000);
    await seated({ role: "successor", asksFirst: true }, (successor) => assertIsAtFirst(successor, "successor"));
  });
}

/** The daemon's connections with the address that could still send something. */
const connectionsOf = async (address: string): Promise<string> => {
  const all = await run(lab.instance.onInstance("ss", "-Htan", "sport = :9254"));
  return all
    .split("\n")
    .filter((line) => line.includes(address) && !line.startsWith("TIME-WAIT"))
    .join("\n");
};

test("answers under way when an address changes hands are not heard by its next owner", async () => {
  const { folder } = lab.containers;
  await copyFile(join(import.meta.dirname, "attacks/listen.py"), join(folder, "listen.py"));
  for (let round = 0; round < 3; round++) {
    await seated({ image: "aws", role: `secretive-${round}` }, async (former) => {
      await askWithoutReading(former, `secretive-${round}`, 3);
      await eventually(async () => assert.match(await unsentTo(THE_SEAT), /^(?:.+\n){2}.+$/));
      await lab.engine.docker("network", "disconnect", "-f", "one-seat", former.id);
      const heard = join(folder, `heard-${round}`);
      const listener = await startListener(heard);
      await eventually(() => readFile(heard));
      await sleep(3_000);
      assert.equal(await readFile(heard, "latin1"), "", "not a byte meant for the former owner");
      await lab.engine.docker("rm", "-f", listener);
    });
  }
});

test("what a killed daemon had not sent yet is ended by the next one, before anyone else has the address", async () => {
  await seated({ image: "aws", role: "left-behind" }, async (former) => {
    await askWithoutReading(former, "left-behind", 1);
    await eventually(async () => assert.match(await unsentTo(THE_SEAT), /ESTAB/));
    await lab.daemon.kill();
    assert.match(await unsentTo(THE_SEAT), /FIN-WAIT-1/, "the kernel goes on sending");
    await lab.daemon.start();
    assert.equal(await unsentTo(THE_SEAT), "");
  });
});

/** Those of them with bytes that the other end has not taken. */
const unsentTo = async (address: string): Promise<string> =>
  (await connectionsOf(address))
    .split("\n")
    .filter((line) => /^\S+ +\d+ +[1-9]/.test(line))
    .join("\n");

/** Takes the seat and writes down what it hears there. @returns its id */
function startListener(heard: string): Promise<string> {
  const { folder } = lab.containers;
  const shared = ["-v", `${folder}:${folder}`, "--network", "one-seat"];
  return lab.engine.docker("run", "-d", ...shared, IMAGES.aws, "python3", join(folder, "listen.py"), heard);
}

/**
 * Asks many times on each of some connections, and reads nothing of the answers. They are made together, since the
 * daemon gives each up after ten seconds.
 */
async function askWithoutReading({ id, metadata }: Container, role: string, connections: number): Promise<void> {
  const script = join(lab.containers.folder, "unread.py");
  await copyFile(join(import.meta.dirname, "attacks/unread.py"), script);
  await metadata.credentials();
  await lab.engine.docker("exec", "-d", id, "python3", script, await metadata.token(), role, `${connections}`);
}

test("with dockerd dead, whoever takes a dead container's address is nobody", async () => {
  const victim = await lab.run({ role: "victim" });
  const thief = await lab.run({ role: "thief", args: ["--cap-add", "NET_ADMIN"] });
  const address = await victim.address();
  assert.equal(await victim.role(), "victim");
  const token = await victim.metadata.token();
  const pid = await lab.engine.docker("inspect", "-f", "{{.State.Pid}}", victim.id);
  // Waits inside: once dockerd is dead, nothing can be started there.
  const signal = join(lab.containers.folder, "victim-is-dead");
  const theft = `busybox ip address add ${address}/16 dev eth0 && busybox ip route replace default via 172.17.0.1 src ${address}`;
  await lab.engine.docker(
    "exec",
    "-d",
    thief.id,
    "sh",
    "-c",
    `until [ -e ${signal} ]; do busybox sleep 0.1; done; ${theft} && busybox touch ${signal}-and-robbed`,
  );
  await lab.engine.kill();
  await run(lab.instance.onInstance("kill", "-9", pid));
  await writeFile(signal, "");
  await eventually(() => access(`${signal}-and-robbed`));
  await run(lab.instance.onInstance("ip", "neigh", "flush", "dev", "docker0"));
  // The kernel keeps the address for its owner's port until somebody notices that the owner is dead.
  const nothing = new Set<unknown>(["timeout", 503]);
  assert.ok(nothing.has((await thief.metadata.askToken()).status));
  assert.ok(nothing.has((await thief.metadata.get(`${CREDENTIALS_PATH}victim`, token)).status));
  await lab.engine.start();
  await eventually(
    async () => assert.equal((await thief.metadata.get(`${CREDENTIALS_PATH}victim`, token)).status, 403),
    10_000,
  );
});

testThatNothingLeaked(lab);
