import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CredentialCache } from "../../src/broker/credential-cache.ts";
import type { Credentials } from "../../src/core/credentials.ts";
import { Refusal } from "../../src/core/failure.ts";
import { clock, credentials, MINUTE, START } from "../support/workloads.ts";

/** A cache on a clock the test turns; an issuer that counts and hands out one-hour keys. */
function bench() {
  const time = clock();
  let issued = 0;
  const renewalErrors: unknown[] = [];
  const cache = new CredentialCache({
    now: time.now,
    random: () => 0.5,
    renewRetryMs: MINUTE,
    deniedForMs: 5_000,
    onRenewalError: (_key, error) => renewalErrors.push(error),
  });
  const issue = (): Promise<Credentials> => {
    issued += 1;
    return Promise.resolve(credentials(String(issued), time.now()));
  };
  const ask = async (from = issue, key = "role session") => (await cache.get(key, from)).accessKeyId;
  return { time, cache, ask, issue, renewalErrors, issuedCount: () => issued };
}

const denied = () => Promise.reject(new Refusal({ kind: "sts-denied", roleArn: "r", code: "AccessDenied" }));
const down = () => Promise.reject(new Refusal({ kind: "sts-unavailable", roleArn: "r", code: "ECONNREFUSED" }));

describe("CredentialCache", () => {
  it("issues once for 10,000 callers who ask together", async () => {
    const { ask, issuedCount } = bench();
    const answers = await Promise.all(Array.from({ length: 10_000 }, () => ask()));
    assert.deepEqual(new Set(answers), new Set(["ASIA1"]));
    assert.equal(issuedCount(), 1);
  });

  it("answers at once, without a promise, what it holds", async () => {
    const { ask, cache, issue } = bench();
    await ask();
    assert.equal((cache.get("role session", issue) as Credentials).accessKeyId, "ASIA1");
  });

  it("keeps keys apart", async () => {
    const { ask } = bench();
    assert.notEqual(await ask(undefined, "a"), await ask(undefined, "b"));
  });

  const ages = [
    { minute: 29, serves: "ASIA1", issued: 1, because: "fresh" },
    { minute: 31, serves: "ASIA1", issued: 2, because: "past half its life: serves what it holds, renews behind" },
    { minute: 59.9, serves: "ASIA1", issued: 2, because: "still valid, however late" },
    { minute: 60, serves: "ASIA2", issued: 2, because: "expired: the caller waits for new keys, never gets old ones" },
  ];
  for (const { minute, serves, issued, because } of ages) {
    it(`at minute ${minute} serves ${serves}, ${issued} issued: ${because}`, async () => {
      const { ask, time, issuedCount } = bench();
      await ask();
      time.turn(minute * MINUTE);
      assert.equal(await ask(), serves);
      assert.equal(issuedCount(), issued);
    });
  }

  it("serves valid credentials through every kind of outage, and asks again only once a minute", async () => {
    const { ask, time, renewalErrors } = bench();
    let attempts = 0;
    const failing = (how: () => Promise<never>) => () => {
      attempts += 1;
      return how();
    };
    await ask();
    for (const [minute, how, soFar] of [
      [31, down, 1],
      [31.5, down, 1],
      [32, denied, 2],
      [40, () => new Promise<never>(() => {}), 3],
      [59.9, down, 3],
    ] as const) {
      time.set(START + minute * MINUTE);
      assert.equal(await ask(failing(how)), "ASIA1");
      await new Promise(setImmediate);
      assert.equal(attempts, soFar, `at minute ${minute}`);
    }
    assert.equal(renewalErrors.length, 2);
  });

  it("does not remember a failure that may pass", async () => {
    const { ask } = bench();
    await assert.rejects(ask(down));
    assert.equal(await ask(), "ASIA1");
  });

  it("remembers a no of STS for seconds, then asks again", async () => {
    const { ask, time, issuedCount } = bench();
    await assert.rejects(ask(denied));
    await assert.rejects(ask(), /sts-denied/);
    assert.equal(issuedCount(), 0);
    time.turn(5_000);
    assert.equal(await ask(), "ASIA1");
  });

  it("a caller's patience does not matter to the flight: the next caller finds its result", async () => {
    const { cache, issue } = bench();
    let release = (): void => {};
    const slow = () => new Promise<void>((resolve) => (release = resolve)).then(issue);
    const first = cache.get("k", slow);
    release();
    await first;
    assert.equal((cache.get("k", () => assert.fail("asked again")) as Credentials).accessKeyId, "ASIA1");
  });

  it("lets go of what has expired", async () => {
    const { cache, issue, time } = bench();
    for (let i = 0; i < 100; i += 1) await cache.get(`session ${i}`, issue);
    time.turn(61 * MINUTE);
    await cache.get("another", issue);
    time.turn(-61 * MINUTE);
    const kept = await Promise.all(Array.from({ length: 100 }, (_, i) => cache.get(`session ${i}`, down)).map(settled));
    assert.ok(kept.every((state) => state === "rejected"));
  });
});

const settled = (value: Credentials | Promise<Credentials>): Promise<string> =>
  Promise.resolve(value).then(
    () => "fulfilled",
    () => "rejected",
  );
