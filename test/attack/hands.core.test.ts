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
await lab.engine.docker(
  ...["network", "create", "--ipv6", "--subnet", "10.9.10.0/30", "--subnet", "fd00:9::/64", "one-seat-6"],
);
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

failsWith("retransmission", async () => {
  assert.equal((await lab.daemon.command("interception", "up")).code, 0);
  const heard = await heardOfLateServer("heard-with-rules");
  assert.equal((await lab.daemon.command("interception", "down")).code, 0);
  assert.equal(heard, "");
  return "not a byte, by taskrole's rules alone";
});

/** What happens while the seat changes hands. */
interface Trouble {
  /** To the events of it; or the daemon itself hangs, and goes on when all of it has happened. */
  readonly events: EventMode | "daemon hung";
  /** The former owner leaves the network and lives on, or is removed. */
  readonly former: "leaves" | "is removed";
  /** By what the next owner asks. */
  readonly over?: 4 | 6;
}
const inWords = ({ events, former, over = 4 }: Trouble): string => `${events}, the former ${former}, over IPv${over}`;

const SEATS = {
  4: { network: "one-seat" },
  6: { network: "one-seat-6", args: ["--ip6", "fd00:9::2"] },
} as const;
const overIpv = ({ metadata }: Container, over: 4 | 6) => (over === 6 ? metadata.over6 : metadata);

/** @returns what the next owner was told at its first asking, and what it shall be told */
async function changeOfHands(trouble: Trouble): Promise<{ told: string; own: string }> {
  const { events, former: leaves, over = 4 } = trouble;
  round += 1;
  const own = `heir-${round}`;
  await eventually(async () => assert.ok(proxy.isFollowed), 20_000);
  const former = await lab.run({ ...SEATS[over], role: `former-${round}` });
  await eventually(async () => assert.equal(await former.role(overIpv(former, over)), `former-${round}`));
  if (events === "daemon hung") lab.daemon.current.signal("SIGSTOP");
  else proxy.mode = events;
  if (leaves === "leaves") await lab.engine.docker("network", "disconnect", "-f", SEATS[over].network, former.id);
  else await former.remove();
  // Over IPv4 its first request is its first act, and it does nothing else before that is answered.
  const coming = lab.run({ ...SEATS[over], role: own, asksFirst: over === 4 });
  const telling = coming.then((heir) => firstTold(heir, over));
  await Promise.race([telling, sleep(isServedInTheEnd ? TROUBLE_MS : PATIENCE_MS)]);
  if (events === "daemon hung") lab.daemon.current.signal("SIGCONT");
  if (events === "cut-between") assert.equal(proxy.mode, "cut", "no event of the former's end has come by");
  proxy.mode = "pass";
  const told = await telling;
  const heir = await coming;
  if (isServedInTheEnd) await eventually(async () => assert.equal(await heir.role(overIpv(heir, over)), own), 20_000);
  await heir.remove();
  if (leaves === "leaves") await former.remove();
  return { told, own };
}

async function firstTold(heir: Container, over: 4 | 6): Promise<string> {
  const word =
    over === 4
      ? (await heir.firstWords()).role
      : await heir.metadata.over6.get(CREDENTIALS_PATH, undefined, PATIENCE_MS);
  return typeof word === "string" ? word : word.status === 200 ? word.body : `${word.status}`;
}

const TROUBLE_MS = 1_500;
/** Until the attack has succeeded, however slowly this machine starts a container. */
const PATIENCE_MS = 15_000;
let round = 0;
let isServedInTheEnd = false;

const TROUBLES: readonly Trouble[] = [
  { events: "hold", former: "leaves" },
  { events: "hold", former: "leaves", over: 6 },
  { events: "hold", former: "is removed" },
  { events: "cut", former: "leaves" },
  { events: "cut", former: "is removed" },
  { events: "cut-between", former: "is removed" },
  { events: "delay", former: "is removed" },
  { events: "late", former: "leaves" },
  { events: "daemon hung", former: "leaves" },
  { events: "daemon hung", former: "is removed" },
];

succeedsWithout("events", async () => {
  await addressAlone.redirect();
  await lab.daemon.start({ ...BEHIND_PROXY, interception: "none" });
  for (const over of [4, 6] as const) {
    const { told, own } = await changeOfHands({ events: "hold", former: "leaves", over });
    assert.match(told, /^former-/, `${own} over IPv${over}`);
  }
  return "the next owner of the address is told the role of the former, over IPv4 and IPv6";
});

const CHURN_SECONDS = Math.min(30, Number(process.env["CHURN_SECONDS"] ?? 30));
const OWNERS = ["red", "blue"] as const;

interface Seated {
  readonly address: string;
  readonly own: string;
  readonly told: string;
}

/** Owner after owner. Each leaves the network and lives on until the next has asked, or by turns is removed. */
async function churn(isOver: (taken: number) => boolean, leaves: "alive" | "by turns"): Promise<readonly Seated[]> {
  const seen: Seated[] = [];
  let gone: Promise<unknown> = Promise.resolve();
  let former: Container | undefined;
  while (!isOver(seen.length)) {
    const own = OWNERS[seen.length % OWNERS.length] ?? OWNERS[0];
    const container = await lab.run({ network: "one-seat", role: own, asksFirst: true });
    const told = await firstTold(container, 4);
    seen.push({ address: await container.address("one-seat"), own, told });
    await gone;
    gone = former?.remove() ?? gone;
    if (leaves === "alive" || seen.length % 4 < 2) {
      await lab.engine.docker("network", "disconnect", "-f", "one-seat", container.id);
      former = container;
    } else {
      await container.remove();
      former = undefined;
    }
  }
  await Promise.all([gone, former?.remove()]);
  assert.deepEqual(new Set(seen.map(({ address }) => address)), new Set(["10.9.9.2"]));
  return seen;
}

const FEW_TURNS = 4;

succeedsWithout("churn-docker", async () => {
  proxy.mode = "hold";
  const seats = await churn((taken) => taken === FEW_TURNS, "alive");
  proxy.mode = "pass";
  const wrong = seats.filter(({ own, told }) => told === OWNERS.find((other) => other !== own));
  assert.ok(wrong.length > 0, JSON.stringify(seats));
  return `${wrong.length} of ${seats.length} containers were told the role of the one before`;
});

failsWith("events", async () => {
  await lab.daemon.stop();
  await addressAlone.removeRedirect();
  await lab.daemon.start(BEHIND_PROXY);
  isServedInTheEnd = true;
  for (const trouble of TROUBLES) {
    const { told, own } = await changeOfHands(trouble);
    assert.equal(told, own, inWords(trouble));
  }
  return `the next owner is told its own role, or nothing until the events are back, in ${TROUBLES.length} ways`;
});

test("an answer that the daemon has written and the former owner not read is not sent to the next", async () => {
  assert.equal(await heardByNextOwner("heard-with", askWithoutReading), "");
});

failsWith("churn-docker", async () => {
  const until = Date.now() + CHURN_SECONDS * 1000;
  const seats = await churn(() => Date.now() >= until, "by turns");
  console.log(
    `${seats.length} containers in ${CHURN_SECONDS} s, ${(seats.length / CHURN_SECONDS).toFixed(1)} a second`,
  );
  assert.ok(seats.length > FEW_TURNS, `${seats.length} containers`);
  assert.deepEqual(
    seats.filter(({ own, told }) => own !== told),
    [],
  );
  return `0 wrong and 0 unanswered of ${seats.length} containers in ${CHURN_SECONDS} s`;
});

const RESTARTED = ["one", "two", "three", "four"];
const addressesOf = (containers: readonly Container[]) => Promise.all(containers.map((one) => one.address()));

test("dockerd restarted: a container that has another's address afterwards is told its own role", async () => {
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
  await lab.engine.stop();
  await lab.engine.start({ liveRestore: false });
  await Promise.all(containers.map((container) => container.ready()));
  const now = await addressesOf(containers);
  assert.ok(
    now.some((address, i) => address !== before[i] && before.includes(address)),
    `${before} became ${now}`,
  );
  const told: string[] = [];
  for (const [i, container] of containers.entries()) {
    const { role } = await container.firstWords();
    const own = RESTARTED[i] ?? "";
    if (typeof role !== "string" && role.status === 200) told.push(role.body === own ? own : `${role.body} for ${own}`);
    await eventually(async () => assert.equal(await container.role(), own));
  }
  assert.ok(told.length > 0, "none was answered at its first asking");
  assert.deepEqual(
    told.filter((role) => !RESTARTED.includes(role)),
    [],
  );
});
