import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { header } from "../../src/mock-ec2/http-exchange.ts";
import { RawClient } from "../http/raw-client.ts";
import { stsSays } from "./faults.ts";
import { isServed, type Watch } from "./support/asker.ts";
import { HOST_CREDENTIALS_PATH, type StsCall } from "./support/faulty-ec2.ts";
import { FaultyHost } from "./support/faulty-host.ts";
import { assertDecent, servedWhileValid } from "./support/rules.ts";

const HERD = 150;
const HERD_PAUSE_MS = 500;
const OUTAGE_MS = 5_000;
const RECOVERY_MS = 15_000;
/** 64 at once and 100 a second, each may have a second try, and a tenth more, as some come in later than they were sent. */
const MOST_CALLS_A_SECOND = 2 * (64 + 100) * 1.1;
/** One, and another where a busy machine keeps the answer of the first for longer than a try lasts. */
const MOST_CALLS_EACH = 1.2;
const UNAVAILABLE = stsSays(503, ["ServiceUnavailable", "The request has failed."]);

test("150 containers created in an outage of STS: it is asked with measure while it lasts, and when it is over all are soon served, by hardly more than a call each", async () => {
  await using stack = new AsyncDisposableStack();
  const host = await FaultyHost.start();
  stack.defer(() => host.stop());
  await host.ec2.sts.begin(UNAVAILABLE);
  const watches = Array.from({ length: HERD }, (_, i) => host.run(`herd-${i}`).watch(HERD_PAUSE_MS));
  stack.defer(() => Promise.all(watches.map((watch) => watch.stop())).then(() => {}));
  await sleep(OUTAGE_MS);
  assert.ok(watches.every(({ replies }) => replies.length > 0 && !replies.some(isServed)));
  await host.ec2.sts.end();
  const endedAt = Date.now();
  const served = await Promise.all(watches.map((watch) => watch.until(isServed, endedAt, RECOVERY_MS)));
  assert.equal(served.filter((reply) => reply !== undefined).length, HERD, `served within ${RECOVERY_MS} ms`);
  assert.ok(mostInASecond(host.ec2.calls) <= MOST_CALLS_A_SECOND, `${mostInASecond(host.ec2.calls)} calls in a second`);
  const answered = host.ec2.calls.filter(({ status, roleName }) => status === 200 && roleName !== "");
  assert.ok(answered.length <= HERD * MOST_CALLS_EACH, `${answered.length} calls that STS answered`);
});

function mostInASecond(calls: readonly StsCall[]): number {
  return Math.max(...calls.map(({ at }) => calls.filter((other) => other.at >= at && other.at < at + 1_000).length));
}

/** Of a set of the host's credentials; the next is there when half of it is over. */
const HOST_LIFE_MS = 8_000;

test("the host's own credentials end while the metadata service is down: sessions in hand are served, the operator is told loudly, and all is well soon after", async () => {
  await using stack = new AsyncDisposableStack();
  const host = await FaultyHost.start({ hostCredentialsLifetimeMs: HOST_LIFE_MS });
  stack.defer(() => host.stop());
  const watches: Watch[] = [];
  const watch = (role: string): Watch => {
    const begun = host.run(role).watch(100);
    watches.push(begun);
    return begun;
  };
  stack.defer(() => Promise.all(watches.map((each) => each.stop())).then(() => {}));
  const holder = watch("holder");
  assert.ok(await holder.until(isServed, 0, RECOVERY_MS));
  const begunAt = Date.now();
  await host.ec2.metadata.begin({ wire: "refused" });
  await sleep(HOST_LIFE_MS + 1_000);
  const cold = watch("cold");
  await sleep(OUTAGE_MS);
  assert.deepEqual([...new Set(cold.replies.map(({ status }) => status))], [503]);
  const loud = host.linesSince(begunAt).filter(({ level }) => level === "error");
  assert.ok(
    loud.some(({ reason, remedy, ends }) => reason && remedy && Date.parse(String(ends)) > 0),
    JSON.stringify(loud),
  );
  await host.ec2.metadata.end();
  assert.ok(await cold.until(isServed, Date.now(), RECOVERY_MS), "served again");
  assert.ok(servedWhileValid(holder.replies).some(({ begunAt: at }) => at > begunAt + HOST_LIFE_MS));
  for (const { replies } of watches) assertDecent(replies);
});

test("STS takes the host's credentials no longer, and new ones are there: they are read and the call is repeated, unnoticed by whoever waits for it", async () => {
  await using stack = new AsyncDisposableStack();
  const host = await FaultyHost.start({ hostCredentialsLifetimeMs: HOST_LIFE_MS });
  stack.defer(() => host.stop());
  const first = host.run("first").watch(100);
  assert.ok(await first.until(isServed, 0, RECOVERY_MS));
  await first.stop();
  const used = [...host.ec2.hostKeyIds];
  await sleep(HOST_LIFE_MS / 2);
  const { instead = (honest) => honest } = stsSays(403, ["ExpiredToken", "The security token is expired"]);
  await host.ec2.sts.begin({
    instead: (honest, request) =>
      used.some((keyId) => header(request, "authorization")?.includes(keyId)) ? instead(honest, request) : honest,
  });
  const reply = await host.run("second").ask();
  assert.ok(isServed(reply), JSON.stringify(reply));
});

const STS_TAKES_MS = 1_000;

test("a caller who hangs up cancels nothing: the call he waited for is the only one, and its session is the next caller's", async () => {
  await using stack = new AsyncDisposableStack();
  const host = await FaultyHost.start();
  stack.defer(() => host.stop());
  await host.ec2.sts.begin({ latencyMs: STS_TAKES_MS });
  const quitter = host.run("quitter");
  const client = new RawClient(host.host.port, quitter.address);
  const { body: token } = await client
    .send("PUT /latest/api/token HTTP/1.1\r\nHost: a\r\nx-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n")
    .response();
  client.send(`GET ${HOST_CREDENTIALS_PATH}quitter HTTP/1.1\r\nHost: a\r\nx-aws-ec2-metadata-token: ${token}\r\n\r\n`);
  await sleep(100);
  client.close();
  const calls = () => host.ec2.calls.filter(({ roleName }) => roleName === "quitter").length;
  assert.ok(await within(STS_TAKES_MS, () => calls() === 1), `${calls()} calls`);
  await sleep(2 * STS_TAKES_MS);
  assert.ok(isServed(await quitter.ask()));
  assert.equal(calls(), 1);
});

const SESSION_LIFE_S = 8;

test("nobody asks for anything: sessions are renewed all the same, and the end of the host's own credentials is told", async () => {
  await using stack = new AsyncDisposableStack();
  const host = await FaultyHost.start({
    lifeSeconds: () => SESSION_LIFE_S,
    hostCredentialsLifetimeMs: 3 * HOST_LIFE_MS,
  });
  stack.defer(() => host.stop());
  host.run("silent");
  const issued = () => host.ec2.calls.filter(({ roleName, status }) => roleName === "silent" && status === 200).length;
  assert.ok(await within(2 * SESSION_LIFE_S * 1_000, () => issued() >= 3), `${issued()} sessions`);
  await host.ec2.metadata.begin({ wire: "refused" });
  const hasToldOfEnd = () => host.log.includes("the host's own credentials have ended");
  assert.ok(await within(4 * HOST_LIFE_MS, hasToldOfEnd), host.log.slice(-2_000));
});

async function within(limitMs: number, holds: () => boolean): Promise<boolean> {
  for (const until = Date.now() + limitMs; Date.now() < until && !holds(); ) await sleep(100);
  return holds();
}
