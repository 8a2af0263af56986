import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isServed } from "./support/asker.ts";
import type { StsCall } from "./support/faulty-ec2.ts";
import { FaultyHost } from "./support/faulty-host.ts";

const CONTAINERS = 400;
/** A burst of 64, and 100 a second (src/broker/paced-issuer.ts), and a tenth more, as some come in later than they were sent. */
const MOST_CALLS_A_SECOND = (64 + 100) * 1.1;
const PATIENCE_MS = 30_000;

test("a restart asks STS once for each session that a running container uses, at its pace, and whoever asks meanwhile goes first", async () => {
  await using stack = new AsyncDisposableStack();
  const host = await FaultyHost.start();
  stack.defer(() => host.stop());
  const workloads = Array.from({ length: CONTAINERS }, (_, i) => host.run(`app-${i}`));
  await allIssued(host, 0);
  const restartedAt = Date.now();
  await host.host.restart();
  const [impatient] = workloads.slice(-1);
  assert.ok(impatient);
  const [askedAt, callsBefore] = [Date.now(), sessionCalls(host, restartedAt).length];
  const watch = impatient.watch(100);
  stack.defer(() => watch.stop().then(() => {}));
  assert.ok(await watch.until(isServed, askedAt, PATIENCE_MS));
  const place = sessionCalls(host, restartedAt).findIndex(({ roleName }) => roleName === impatient.role);
  const waitedFor = place - callsBefore;
  assert.ok(waitedFor <= MOST_CALLS_A_SECOND, `${waitedFor} others went before it`);
  await allIssued(host, restartedAt);
  await sleep(1_500); // and nothing comes after
  const calls = sessionCalls(host, restartedAt);
  assert.equal(calls.length, CONTAINERS);
  assert.equal(new Set(calls.map(({ roleName }) => roleName)).size, CONTAINERS, "one for each");
  assert.equal(host.ec2.callsSince(restartedAt).length - CONTAINERS, 1, "who the host is, asked once");
  assert.ok(mostInASecond(calls) <= MOST_CALLS_A_SECOND, `${mostInASecond(calls)} calls in a second`);
});

/** Those of AssumeRole. */
const sessionCalls = (host: FaultyHost, since: number): readonly StsCall[] =>
  host.ec2.callsSince(since).filter(({ roleName }) => roleName !== "");

async function allIssued(host: FaultyHost, since: number): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const issued = new Set(sessionCalls(host, since).map(({ roleName }) => roleName)).size;
    if (issued === CONTAINERS) return;
    assert.ok(Date.now() < until, `${issued} sessions of ${CONTAINERS} after ${PATIENCE_MS} ms`);
    await sleep(50);
  }
}

function mostInASecond(calls: readonly StsCall[]): number {
  return Math.max(...calls.map(({ at }) => calls.filter((other) => other.at >= at && other.at < at + 1_000).length));
}
