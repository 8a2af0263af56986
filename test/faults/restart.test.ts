import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { RawClient } from "../http/raw-client.ts";
import { type Host, type HostOptions, startHost } from "../support/host.ts";
import { SocketHolder } from "../support/socket-holder.ts";
import { FaultyHost } from "./support/faulty-host.ts";
import { type Client, SdkLoad } from "./support/sdk-load.ts";

const REQUESTS = Number(process.env["RESTART_REQUESTS"] ?? 20_000);
const RESTARTS = 6;
const LIMIT = { timeout: 300_000 };

/** Half of them keep a connection alive for all they ask. */
const CLIENTS: readonly Client[] = Array.from({ length: 16 }, (_, i) => ({
  address: `127.50.0.${10 + i}`,
  role: `reader-${i}`,
  keepsAlive: i % 2 === 1,
}));

const HOST: HostOptions = {
  containers: Object.fromEntries(
    CLIENTS.map(({ address, role }) => [role, { address, labels: { "taskrole.role": role } }]),
  ),
};

async function onHeldSocket(t: TestContext): Promise<HostOptions> {
  const holder = await SocketHolder.listen();
  t.after(() => holder.close());
  return { ...HOST, starter: { listen: `127.0.0.1:${holder.port}`, start: (args) => holder.start(args) } };
}

/** Restarts the daemon again and again while the load asks so many requests in all. */
async function underLoad(host: Host, requests: number): Promise<SdkLoad> {
  return SdkLoad.during(host.port, CLIENTS, async (load) => {
    for (let i = 1; i <= RESTARTS; i++) {
      await load.reached((requests * i) / (RESTARTS + 1));
      await host.restart();
    }
    await load.reached(requests);
  });
}

/** What a client sees whose connection ends with the process that had it, or with the socket on which it waited. */
const LOST = /ECONNRESET|EPIPE|socket hang up/;

/** On a machine that stands still for as long as a request waits for STS, "not yet" (503) says nothing of the restart. */
const isOfTheMachine = (failure: string, { longestStallMs }: SdkLoad): boolean =>
  longestStallMs > STALLED_MS && failure.endsWith(": 503");
const STALLED_MS = 200;

const figures = ({
  requests,
  failures,
  crossed,
  slowestMs,
  longestSilenceMs,
  longestStallMs,
  keysSeen,
}: SdkLoad): string =>
  `${requests} requests, ${failures.length} failed, ${crossed} sent anew on a connection closed meanwhile; ms: slowest ` +
  `answer ${Math.round(slowestMs)}, longest time without one ${Math.round(longestSilenceMs)}, longest stall of this machine ${Math.round(longestStallMs)}; ${keysSeen} sessions`;

/** What is true whatever is lost on the way: whoever is answered is answered as himself. */
async function assertNobodyElse(load: SdkLoad, host: Host): Promise<void> {
  assert.deepEqual(load.wrong, []);
  assert.ok(load.keysSeen >= CLIENTS.length, "each has been given a session");
  assert.deepEqual(await load.strangers(host.ec2.stsUrl), []);
}

test(`restarted ${RESTARTS} times on a held socket, not one of ${REQUESTS} requests fails`, LIMIT, async (t) => {
  await using host = await startHost(await onHeldSocket(t));
  const load = await underLoad(host, REQUESTS);
  t.diagnostic(figures(load));
  assert.deepEqual(
    load.failures.filter((one) => !isOfTheMachine(one, load)),
    [],
  );
  // Each client that keeps a connection meets the end of each life, and some do not ask again (botocore, JavaScript's).
  assert.ok(load.crossed <= RESTARTS, `${load.crossed} connections were closed under a request`);
  await assertNobodyElse(load, host);
});

test("killed on a held socket, only what it had accepted is lost", LIMIT, async (t) => {
  await using host = await startHost(await onHeldSocket(t));
  const load = await SdkLoad.during(host.port, CLIENTS, async (asking) => {
    await asking.reached(REQUESTS / 10);
    await host.restart("SIGKILL");
    await asking.reached((REQUESTS / 10) * 2);
  });
  t.diagnostic(figures(load));
  const { failures } = load;
  assert.ok(failures.length <= CLIENTS.length && failures.every((one) => LOST.test(one)), failures.join("; "));
  await assertNobodyElse(load, host);
});

/** A restart is processor time: where others are at work one of a few must show what it takes. */
const TRIES = 3;

test("restarted without such a socket, connections are refused for less than a second", LIMIT, async (t) => {
  const silences: number[] = [];
  while (silences.length < TRIES && Math.min(...silences) >= 1_000) {
    await using host = await startHost(HOST);
    const load = await underLoad(host, REQUESTS / 4);
    t.diagnostic(figures(load));
    silences.push(load.longestSilenceMs);
    const others = load.failures.filter((one) => !LOST.test(one) && !/ECONNREFUSED/.test(one));
    assert.deepEqual(others, [], "and nothing worse ever comes of it");
    await assertNobodyElse(load, host);
  }
  assert.ok(Math.min(...silences) < 1_000, `${silences.join(", ")} ms without an answer`);
});

test("reloaded again and again, nothing fails and no connection is closed", LIMIT, async (t) => {
  await using host = await startHost(HOST);
  const load = await SdkLoad.during(host.port, CLIENTS, async (asking) => {
    for (let i = 1; i <= 20; i++) {
      await asking.reached((REQUESTS / 10) * (i / 20));
      host.taskrole.signal("SIGHUP");
    }
    await asking.reached(REQUESTS / 10 + CLIENTS.length);
  });
  t.diagnostic(figures(load));
  assert.ok(host.taskrole.lines().filter(({ msg }) => msg === "reloaded").length > 0);
  assert.deepEqual(
    load.failures.filter((one) => !isOfTheMachine(one, load)),
    [],
  );
  assert.equal(load.crossed, 0);
  assert.equal(load.keysSeen, CLIENTS.length, "one session each, as before");
  await assertNobodyElse(load, host);
});

test("told to stop, it does not cut a call to STS that somebody waits for: he is answered, and STS was called once", async (t) => {
  const host = await FaultyHost.start();
  t.after(() => host.stop());
  await host.ec2.sts.begin({ latencyMs: 250 });
  const { address, role } = host.run("cold");
  const client = new RawClient(host.host.port, address);
  t.after(() => client.close());
  const ask = (line: string, field: string) =>
    client.send(`${line} HTTP/1.1\r\nHost: 169.254.169.254\r\n${field}\r\n\r\n`).response();
  const token = await ask("PUT /latest/api/token", "x-aws-ec2-metadata-token-ttl-seconds: 60");
  const field = `x-aws-ec2-metadata-token: ${token.body}`;
  const answer = ask(`GET /latest/meta-data/iam/security-credentials/${role}`, field);
  await sleep(50);
  host.host.taskrole.signal("SIGTERM");
  assert.equal((await answer).status, 200);
  assert.equal((await host.host.taskrole.ended()).code, 0);
  assert.equal(host.ec2.calls.filter(({ roleName }) => roleName === role).length, 1);
});
