import assert from "node:assert/strict";
import { access, copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Connection } from "./support/ask.ts";
import type { Container } from "./support/containers.ts";
import { IMAGES } from "./support/engine.ts";
import { requestText } from "./support/http-text.ts";
import { startLab } from "./support/lab.ts";
import { CREDENTIALS_PATH, documentIn } from "./support/metadata-client.ts";
import { testThatNothingLeaked } from "./support/nothing-leaked.ts";
import { eventually, run } from "./support/programs.ts";

/** Rule 2: no workload ever gets another's credentials. */
const lab = await startLab();
/** Room for one container: each gets the address of the one before it. */
await lab.engine.docker("network", "create", "--subnet", "10.9.9.0/30", "one-seat");
const THE_SEAT = "10.9.9.2";
const seat = (role: string, options = {}) => lab.run({ role, network: "one-seat", asksFirst: true, ...options });

async function firstRole(container: Container): Promise<string> {
  const { role, credentials } = await container.firstWords();
  assert.ok(typeof role === "object" && role.status === 200, JSON.stringify(role));
  assert.ok(typeof credentials === "object" && credentials.status === 200, JSON.stringify(credentials));
  assert.match(
    await container.whoAmI(documentIn(credentials.body)),
    new RegExp(`assumed-role/${role.body}/${container.name}-`),
  );
  return role.body;
}

test("containers that follow one another at one address, asking as their first act, are each themselves", async () => {
  let lastToken = "";
  for (let i = 0; i < 12; i++) {
    const container = await seat(`heir-${i}`);
    assert.equal(await container.address(), THE_SEAT);
    assert.equal(await firstRole(container), `heir-${i}`);
    if (lastToken !== "") assert.equal((await container.metadata.get(CREDENTIALS_PATH, lastToken)).status, 401);
    lastToken = await container.metadata.token();
    await container.remove();
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
  const former = await seat("former");
  const token = await former.metadata.token();
  await lab.daemon.kill();
  await former.remove();
  const heir = await seat("heir", { asksFirst: false });
  await lab.daemon.start();
  assert.equal((await heir.metadata.get(CREDENTIALS_PATH, token)).status, 401);
  assert.equal(await heir.role(), "heir");
  await heir.remove();
});

test("a connection outlives neither its container's network nor its container: reset, never answered", async () => {
  for (const end of ["disconnect", "remove"] as const) {
    const container = await seat("leaver", { asksFirst: false, name: `leaver-${end}` });
    const token = await container.metadata.token();
    const open = container.metadata.connect();
    open.send(
      requestText({ path: CREDENTIALS_PATH, headers: { "X-aws-ec2-metadata-token": token, Connection: "keep-alive" } }),
    );
    assert.equal((await open.answer())?.body, "leaver");
    if (end === "disconnect") await lab.engine.docker("network", "disconnect", "one-seat", container.id);
    await container.remove();
    assert.equal(await firstRole(await seat("sitter", { name: `sitter-${end}` })), "sitter");
    await lab.engine.docker("rm", "-f", `sitter-${end}`);
  }
});

test("answers under way when an address changes hands are not heard by its next owner", async () => {
  await copyFile(join(import.meta.dirname, "attacks/listen.py"), join(lab.containers.folder, "listen.py"));
  for (let round = 0; round < 3; round++) {
    const former = await seat(`secretive-${round}`);
    const secrets = Object.values((await former.metadata.credentials()).document).filter((value) => value.length > 15);
    const asking = await pipeline(former, `secretive-${round}`);
    await lab.engine.docker("network", "disconnect", "-f", "one-seat", former.id);
    const heard = join(lab.containers.folder, `heard-${round}`);
    const { folder } = lab.containers;
    const listener = await lab.engine.docker(
      "run",
      "-d",
      "--network",
      "one-seat",
      "-v",
      `${folder}:${folder}`,
      IMAGES.aws,
      "python3",
      join(folder, "listen.py"),
      heard,
    );
    await eventually(() => readFile(heard));
    await sleep(3_000);
    const overheard = await readFile(heard, "latin1");
    assert.deepEqual(
      secrets.filter((secret) => overheard.includes(secret)),
      [],
    );
    assert.equal(overheard, "", "not a byte meant for the former owner");
    for (const connection of asking) connection.close();
    await lab.engine.docker("rm", "-f", listener, former.id);
  }
});

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
  assert.equal((await thief.metadata.askToken()).status, 503);
  assert.equal((await thief.metadata.get(`${CREDENTIALS_PATH}victim`, token)).status, 503);
  await lab.engine.start();
  await eventually(
    async () => assert.equal((await thief.metadata.get(`${CREDENTIALS_PATH}victim`, token)).status, 403),
    10_000,
  );
});

/** Asks on many connections at once and reads nothing of the answers. */
async function pipeline(container: Container, role: string): Promise<readonly Connection[]> {
  const token = await container.metadata.token();
  const request = requestText({
    path: CREDENTIALS_PATH + role,
    headers: { "X-aws-ec2-metadata-token": token, Connection: "keep-alive" },
  });
  return Array.from({ length: 20 }, () => {
    const connection = container.metadata.connect();
    connection.send(request.repeat(50));
    return connection;
  });
}

testThatNothingLeaked(lab);
