import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { takeServiceManager } from "../../src/app/systemd-notify.ts";
import type { Log } from "../../src/audit/log.ts";

const warnings: unknown[] = [];
const log: Log = { debug() {}, info() {}, warn: (fields) => warnings.push(fields), error() {} };

async function managerFor(environment: Record<string, string | undefined>, refusal?: string) {
  const sent: string[] = [];
  const connect = async (path: string) => (text: string) => {
    sent.push(`${path} ${text}`);
    return refusal;
  };
  return { sent, manager: await takeServiceManager(environment, { pid: 7, log, connect }) };
}

test("whoever did not ask is told nothing", async () => {
  for (const environment of [{}, { NOTIFY_SOCKET: "" }]) {
    const { sent, manager } = await managerFor(environment);
    await manager.tell("READY=1");
    manager.keepAlive();
    assert.deepEqual(sent, []);
  }
});

test("what is said goes as one message, and what says how is gone from the environment", async () => {
  const environment = { NOTIFY_SOCKET: "@x", WATCHDOG_USEC: "1", WATCHDOG_PID: "8", PATH: "/bin" };
  const { sent, manager } = await managerFor(environment);
  await manager.tell("READY=1", "STATUS=well");
  assert.deepEqual(sent, ["@x READY=1\nSTATUS=well"]);
  assert.deepEqual(environment, { PATH: "/bin" });
});

test("the watchdog is fed twice in its time, and only its own process feeds it", async () => {
  const fed = async (pid: string | undefined) => {
    const { sent, manager } = await managerFor({ NOTIFY_SOCKET: "/n", WATCHDOG_USEC: "40000", WATCHDOG_PID: pid });
    manager.keepAlive();
    await sleep(100);
    return sent;
  };
  const [own, unnamed, another] = await Promise.all(["7", undefined, "8"].map(fed));
  for (const sent of [own, unnamed]) {
    assert.ok(sent && sent.length >= 1, "never fed");
    assert.deepEqual([...new Set(sent)], ["/n WATCHDOG=1"]);
  }
  assert.deepEqual(another, []);
});

test("that systemd cannot be told is said once", async () => {
  const { manager } = await managerFor({ NOTIFY_SOCKET: "/n" }, "no such file");
  await manager.tell("READY=1");
  await manager.tell("READY=1");
  assert.equal(warnings.length, 1);
  assert.match(JSON.stringify(warnings), /no such file.*Type=simple/);
});
