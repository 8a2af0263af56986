import assert from "node:assert/strict";
import { copyFile, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Connection } from "../e2e/support/ask.ts";
import type { Container } from "../e2e/support/containers.ts";
import { IMAGES } from "../e2e/support/engine.ts";
import { requestText } from "../e2e/support/http-text.ts";
import { startLab } from "../e2e/support/lab.ts";
import { CREDENTIALS_PATH } from "../e2e/support/metadata-client.ts";
import { eventually, LongRunning } from "../e2e/support/programs.ts";
import { AddressAlone } from "./support/address-alone.ts";
import { type EventMode, EventProxy } from "./support/event-proxy.ts";
import { failsWith, succeedsWithout } from "./support/evidence.ts";
import { copyScripts } from "./support/neighbours.ts";

/** An address changes hands, and whoever has it next shall be nobody but himself. */
const lab = await startLab({ daemon: false });
const proxy = await new EventProxy(lab.instance.folder, lab.engine.socket).listen();
after(() => proxy.close());
const addressAlone = new AddressAlone(lab);
await copyScripts(lab);
await copyFile(
  join(import.meta.dirname, "../e2e/attacks/late_server.py"),
  join(lab.containers.folder, "late_server.py"),
);
/** Room for one container: each gets the address of the one before it. */
await lab.engine.docker("network", "create", "--subnet", "10.9.9.0/30", "one-seat");
const BEHIND_PROXY = { "docker-endpoint": `unix://${proxy.socket}`, "metadata-tokens": "optional" };

/** What the next owner of the seat hears that asks for nothing while answers are under way to the former. */
async function heardByNextOwner(
  name: string,
  ask: (former: Container) => Promise<readonly Connection[]>,
): Promise<string> {
  const { folder } = lab.containers;
  const former = await lab.run({ network: "one-seat", role: "former" });
  const asking = await ask(former);
  await lab.engine.docker("network", "disconnect", "-f", "one-seat", former.id);
  const heard = join(folder, name);
  const seat = ["-v", `${folder}:${folder}`, "--network", "one-seat", "--name", name];
  await lab.engine.docker("run", "-d", ...seat, IMAGES.aws, "python3", join(folder, "listen.py"), heard);
  await eventually(() => readFile(heard));
  await writeFile(`${heard}.is-there`, "");
  await sleep(LISTEN_MS);
  await lab.engine.docker("rm", "-f", name, former.id);
  for (const connection of asking) connection.close();
  return await readFile(heard, "latin1");
}

const LISTEN_MS = 3_000;

/** Asks on many connections at once and reads nothing of the answers. */
async function askWithoutReading({ metadata }: Container): Promise<readonly Connection[]> {
  const request = requestText({ path: `${CREDENTIALS_PATH}former`, headers: { Connection: "keep-alive" } });
  assert.equal((await metadata.credentials()).roleName, "former");
  return Array.from({ length: 20 }, () => {
    const connection = metadata.connect();
    connection.send(request.repeat(50));
    return connection;
  });
}

/** A server that answers once the next owner of the address is there. */
async function heardOfLateServer(name: string): Promise<string> {
  const { folder } = lab.containers;
  const isThere = join(folder, `${name}.is-there`);
  const server = new LongRunning(lab.instance.onInstance("python3", join(folder, "late_server.py"), "9254", isThere));
  await server.waitForLine((line) => line === "ready");
  try {
    return await heardByNextOwner(name, async ({ metadata }) => {
      const connection = metadata.connect();
      connection.send(requestText({ path: CREDENTIALS_PATH }));
      await server.waitForLine((line) => line === "asked");
      return [connection];
    });
  } finally {
    await server.stop("SIGKILL");
  }
}

succeedsWithout("retransmission", async () => {
  await addressAlone.redirect();
  const heard = await heardOfLateServer("heard-without");
  await addressAlone.removeRedirect();
  assert.match(heard, /SECRET-OF-THE-FORMER-OWNER/);
  return `the answer meant for the former owner, ${heard.split("SECRET").length - 1} times`;
});

test("taskrole's rules alone keep a server's late answer from the next owner of the address", async () => {
  assert.equal((await lab.daemon.command("interception", "up")).code, 0);
  assert.equal(await heardOfLateServer("heard-with-rules"), "");
  assert.equal((await lab.daemon.command("interception", "down")).code, 0);
});

/**
 * The former owner leaves the network while it lives on, or is removed; the events of it come as `mode` says.
 * @returns what the next owner was told at its first asking, and what it shall be told
 */
async function changeOfHands(mode: EventMode, leaves: "leaves" | "is removed"): Promise<{ told: string; own: string }> {
  round += 1;
  const own = `heir-${round}`;
  const former = await lab.run({ network: "one-seat", role: `former-${round}` });
  await eventually(async () => assert.equal(await former.role(), `former-${round}`));
  proxy.mode = mode;
  if (leaves === "leaves") await lab.engine.docker("network", "disconnect", "-f", "one-seat", former.id);
  else await former.remove();
  // Its first request is its first act, and it does nothing else before that is answered.
  const coming = lab.run({ network: "one-seat", role: own, asksFirst: true });
  await Promise.race([coming, sleep(isServedInTheEnd ? TROUBLE_MS : PATIENCE_MS)]);
  proxy.mode = "pass";
  const heir = await coming;
  const { role } = await heir.firstWords();
  if (isServedInTheEnd) await eventually(async () => assert.equal(await heir.role(), own), 20_000);
  await heir.remove();
  if (leaves === "leaves") await former.remove();
  return { told: typeof role === "string" ? role : role.status === 200 ? role.body : `${role.status}`, own };
}

const TROUBLE_MS = 1_500;
/** Until the attack has succeeded, however slowly this machine starts a container. */
const PATIENCE_MS = 15_000;
let round = 0;
let isServedInTheEnd = false;

const TROUBLES = [
  ["hold", "leaves"],
  ["hold", "is removed"],
  ["cut", "leaves"],
  ["delay", "is removed"],
] as const;

succeedsWithout("events", async () => {
  await addressAlone.redirect();
  await lab.daemon.start({ ...BEHIND_PROXY, interception: "none" });
  const { told, own } = await changeOfHands("hold", "leaves");
  assert.match(told, /^former-/, own);
  return "the next owner of the address is told the role of the former";
});

failsWith("events", async () => {
  await lab.daemon.stop();
  await addressAlone.removeRedirect();
  await lab.daemon.start(BEHIND_PROXY);
  isServedInTheEnd = true;
  for (const [mode, leaves] of TROUBLES) {
    const { told, own } = await changeOfHands(mode, leaves);
    assert.equal(told, own, `${mode}, the former ${leaves}`);
  }
  return "the next owner is told its own role, or nothing until the events are back";
});

failsWith("retransmission", async () => {
  assert.equal(await heardByNextOwner("heard-with", askWithoutReading), "");
  return "not a byte";
});

const CHURN_SECONDS = Math.min(30, Number(process.env["CHURN_SECONDS"] ?? 30));

/** @returns the addresses of the seat's owners, and what each was told at its first asking */
async function churn(): Promise<readonly { readonly address: string; readonly own: string; readonly told: string }[]> {
  const seen: { address: string; own: string; told: string }[] = [];
  for (const until = Date.now() + CHURN_SECONDS * 1000; Date.now() < until; ) {
    const own = seen.length % 2 === 0 ? "red" : "blue";
    const container = await lab.run({ network: "one-seat", role: own, asksFirst: true });
    const { role } = await container.firstWords();
    seen.push({ address: await container.address("one-seat"), own, told: typeof role === "string" ? role : role.body });
    await container.remove();
  }
  return seen;
}

let seats: Awaited<ReturnType<typeof churn>> = [];

succeedsWithout("churn-docker", async () => {
  seats = await churn();
  assert.equal(new Set(seats.map(({ address }) => address)).size, 1);
  return `${seats.length} containers of two roles had one and the same address`;
});

failsWith("churn-docker", async () => {
  console.log(
    `${seats.length} containers in ${CHURN_SECONDS} s, ${(seats.length / CHURN_SECONDS).toFixed(1)} a second`,
  );
  assert.deepEqual(
    seats.filter(({ own, told }) => own !== told),
    [],
  );
  return `0 wrong and 0 unanswered of ${seats.length} containers in ${CHURN_SECONDS} s`;
});

const RESTARTED = ["one", "two", "three", "four"];
const addressesOf = (containers: readonly Container[]) => Promise.all(containers.map((one) => one.address()));
let restarted: { readonly containers: readonly Container[]; readonly before: readonly string[] } | undefined;

succeedsWithout("dockerd-restarted", async () => {
  await lab.engine.stop();
  await lab.engine.start({ liveRestore: false });
  const containers = await Promise.all(
    RESTARTED.map((role) => lab.run({ role, asksFirst: true, args: ["--restart", "always"] })),
  );
  for (const [i, container] of containers.entries()) {
    await eventually(async () => assert.equal(await container.role(), RESTARTED[i]));
    await rm(`${container.askSocket}.first`);
  }
  const before = await addressesOf(containers);
  restarted = { containers, before };
  await lab.engine.stop();
  await lab.engine.start({ liveRestore: false });
  await Promise.all(containers.map((container) => container.ready()));
  const now = await addressesOf(containers);
  const others = now.filter((address, i) => address !== before[i] && before.includes(address));
  assert.ok(others.length > 0, `${before} became ${now}`);
  return `${others.length} of ${now.length} containers have another's address afterwards`;
});

failsWith("dockerd-restarted", async () => {
  assert.ok(restarted);
  const told: string[] = [];
  for (const [i, container] of restarted.containers.entries()) {
    const { role } = await container.firstWords();
    const own = RESTARTED[i] ?? "";
    if (typeof role !== "string" && role.status === 200) assert.equal(role.body, own);
    if (typeof role !== "string" && role.body === own) told.push(own);
    await eventually(async () => assert.equal(await container.role(), own));
  }
  return `each is told its own role, ${told.length} of ${RESTARTED.length} at their first asking`;
});
