import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Lane, PacedIssuer, STS_PACE } from "../../src/broker/paced-issuer.ts";
import { Refusal } from "../../src/core/failure.ts";
import { grantOf } from "../support/sessions.ts";
import { VirtualTime } from "../support/virtual-time.ts";
import { credentials } from "../support/workloads.ts";

const SECOND = 1_000;

/** STS answers after 50 ms. `mayServe` says of each call whether it is served or throttled. */
function bench(mayServe: (at: number) => boolean = () => true, retryAfterMs?: number) {
  const time = new VirtualTime();
  const calls: { readonly role: string; readonly at: number; readonly isServed: boolean }[] = [];
  const issuer = new PacedIssuer({
    issuer: {
      async issue(grant) {
        const isServed = mayServe(time.uptime());
        calls.push({ role: grant.roleName, at: time.uptime(), isServed });
        await time.sleep(50);
        if (isServed) return credentials(grant.roleName, time.now());
        const more = retryAfterMs === undefined ? {} : { retryAfterMs };
        throw new Refusal({ kind: "sts-throttled", roleArn: grant.roleArn, code: "Throttling", ...more });
      },
    },
    ...time,
  });
  const issue = (role: string, lane: Lane) => issuer.issue(grantOf(role), lane);
  return { time, issuer, issue, calls };
}

const numbered = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);

describe("PacedIssuer", () => {
  it("after a restart with 1,000 containers asks no faster than its rate, and is done in ten seconds", async () => {
    const { time, issue, calls } = bench();
    for (const i of numbered(1_000)) void issue(`${i}`, "prefetch");
    await time.pass(SECOND);
    const most = STS_PACE.burst + STS_PACE.perSecond + 1;
    assert.ok(calls.length >= 150 && calls.length <= most, `${calls.length} in the first second`);
    await time.pass(9 * SECOND);
    assert.equal(calls.length, 1_000);
  });

  it("counts what STS is asked a second time for, too: no faster than its rate, whatever of it is tried again", async () => {
    const time = new VirtualTime();
    let calls = 0;
    const issuer = new PacedIssuer({
      issuer: {
        async issue(grant, onSecondTry = () => assert.fail("nobody counts it")) {
          calls += 1;
          await time.sleep(50);
          onSecondTry();
          calls += 1;
          await time.sleep(50);
          return credentials(grant.roleName, time.now());
        },
      },
      ...time,
    });
    for (const i of numbered(1_000)) void issuer.issue(grantOf(`${i}`), "prefetch");
    await time.pass(9 * SECOND);
    const most = STS_PACE.burst + 9 * STS_PACE.perSecond;
    assert.ok(calls > 0.9 * most && calls <= most + STS_PACE.burst, `${calls} in nine seconds`);
    await time.pass(11 * SECOND);
    assert.equal(calls, 2_000);
  });

  it("serves whoever waits before what is to be renewed, and that before what nobody asks for yet", async () => {
    const { time, issue, issuer, calls } = bench();
    for (const i of numbered(500)) void issue(`prefetch ${i}`, "prefetch");
    for (const i of numbered(100)) void issue(`renewal ${i}`, "renewal");
    await time.pass(SECOND);
    void issue("awaited", "awaited");
    issuer.hurry(grantOf("prefetch 499"));
    await time.pass(2 * SECOND);
    const order = calls.map(({ role }) => role);
    const [own, hurried] = [order.indexOf("awaited"), order.indexOf("prefetch 499")];
    assert.equal(hurried, own + 1);
    assert.ok(own < 64 + 100 + 3, `${own}`);
    const lastRenewal = order.lastIndexOf("renewal 99");
    assert.ok(lastRenewal > 0 && order.slice(64, lastRenewal).every((role) => !/^prefetch (?!499)/.test(role)));
  });

  it("asks more slowly when STS throttles, so that most of its calls are served, and all are in the end", async () => {
    let [allowance, filledAt] = [10, 0];
    const tenASecond = (at: number): boolean => {
      allowance = Math.min(10, allowance + ((at - filledAt) * 10) / SECOND);
      filledAt = at;
      if (allowance < 1) return false;
      allowance -= 1;
      return true;
    };
    const { time, issue, calls } = bench(tenASecond);
    const served = new Set<number>();
    const ask = async (i: number): Promise<void> => {
      while (!served.has(i)) {
        await issue(`${i}`, "renewal").then(
          () => served.add(i),
          () => time.sleep(SECOND),
        );
      }
    };
    for (const i of numbered(600)) void ask(i);
    await time.pass(120 * SECOND);
    assert.equal(served.size, 600);
    const late = calls.filter(({ at }) => at > 10 * SECOND);
    const share = late.filter(({ isServed }) => isServed).length / late.length;
    assert.ok(share > 0.4, `${share} of ${late.length} calls were served`);
  });

  it("asks nothing before the time STS names, and not for more than a minute should STS, or a proxy, name hours", async () => {
    const { time, issue, calls } = bench((at) => at > 0, 5 * SECOND);
    const first = issue("a", "awaited").catch(() => {});
    await time.pass(100);
    await first;
    void issue("b", "awaited");
    await time.pass(4_900);
    assert.equal(calls.length, 1);
    await time.pass(3 * SECOND);
    assert.equal(calls.length, 2);
    const endless = bench((at) => at > 0, 24 * 3_600 * SECOND);
    const one = endless.issue("a", "awaited").catch(() => {});
    await endless.time.pass(100);
    await one;
    void endless.issue("b", "awaited");
    await endless.time.pass(61 * SECOND);
    assert.equal(endless.calls.length, 2);
  });

  it("asks at once what waits when STS is another, though the former wanted a pause, and no faster than its rate", async () => {
    const { time, issuer, issue, calls } = bench((at) => at > 0, 600 * SECOND);
    const first = issue("first", "awaited").catch(() => {});
    await time.pass(100);
    await first;
    for (const i of numbered(200)) void issue(`${i}`, "renewal");
    await time.pass(SECOND);
    assert.equal(calls.length, 1);
    issuer.startAfresh();
    await time.pass(SECOND);
    assert.ok(calls.length > 150 && calls.length <= 1 + STS_PACE.burst + STS_PACE.perSecond + 1, `${calls.length}`);
    await time.pass(SECOND);
    assert.equal(calls.length, 201);
  });
});
