import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { cpuTicks, crowdAddress, type Daemon, listRoles, QUIET_ADDRESS, sdkSequence, startDaemon } from "./daemon.ts";
import { RawClient } from "./raw-client.ts";
import { sleep, until } from "./serving.ts";

const LIMIT = { timeout: 60_000 };
const DESCRIPTORS = 300;
const CROWD = 8;
/** More than there are descriptors. */
const FLOOD = CROWD * 60;

const descriptorsOf = ({ pid }: Daemon): number => readdirSync(`/proc/${pid}/fd`).length;

/** Connections that never ask are closed after 5 s: who is served only then was kept out by them. */
async function tooLong(): Promise<never> {
  await sleep(3_000);
  throw new Error("a new connection had to wait for the flood to pass");
}

async function flood(port: number): Promise<RawClient[]> {
  const clients = Array.from({ length: FLOOD }, (_, index) => new RawClient(port, crowdAddress(index % CROWD)));
  await Promise.all(
    clients.map(({ socket, ending }) =>
      Promise.race([ending, new Promise((resolve) => socket.once("connect", resolve))]),
    ),
  );
  return clients;
}

test(
  "more connections than there are descriptors: whoever has many loses some, nobody else notices, and nothing spins",
  LIMIT,
  async () => {
    await using daemon = await startDaemon({ crowd: CROWD, descriptors: DESCRIPTORS });
    const quiet = new RawClient(daemon.port, QUIET_ADDRESS);
    assert.equal((await listRoles(quiet)).status, 200);
    const clients = await flood(daemon.port);
    const [ticks, started] = [cpuTicks(daemon.pid), performance.now()];
    assert.equal((await listRoles(quiet)).status, 200, "on a connection from before the flood");
    await Promise.race([sdkSequence(daemon.port, QUIET_ADDRESS), tooLong()]);
    await sleep(1_000);
    const cpuShare = ((cpuTicks(daemon.pid) - ticks) * 10) / (performance.now() - started);
    assert.ok(cpuShare < 0.5, `it used ${cpuShare} of a processor while hardly anybody asked anything`);
    assert.ok(descriptorsOf(daemon) < DESCRIPTORS - 50, "none are left for Docker and STS");

    for (const client of [...clients, quiet]) client.close();
    await until(() => descriptorsOf(daemon) < 50);
    await sdkSequence(daemon.port, QUIET_ADDRESS);
  },
);
