import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CredentialCache } from "../../src/broker/credential-cache.ts";
import type { Lane } from "../../src/broker/paced-issuer.ts";
import type { Credentials } from "../../src/core/credentials.ts";
import { Refusal } from "../../src/core/failure.ts";
import type { Grant } from "../../src/core/grant.ts";
import { renewAfterMs } from "../../src/core/renewal.ts";
import { grantOf, recordedEvents, sessionCache } from "../support/sessions.ts";
import { VirtualTime } from "../support/virtual-time.ts";
import { credentials, MINUTE, refused } from "../support/workloads.ts";

const SECOND = 1_000;
type Issue = (grant: Grant) => Promise<Credentials>;

/** A cache in virtual time; STS counts, and hands out one-hour keys as long as the test lets it. */
function bench({ random = () => 0.5 }: { random?: () => number } = {}) {
  const time = new VirtualTime();
  const asked: { readonly at: number; readonly role: string }[] = [];
  const works: Issue = () => Promise.resolve(credentials(String(asked.length), time.now()));
  const sts = { answer: works, works };
  const recorded = recordedEvents();
  const cache = sessionCache(
    (grant) => {
      asked.push({ at: time.uptime(), role: grant.roleName });
      return sts.answer(grant);
    },
    { ...time, random, events: recorded.events },
  );
  const ask = async (role = "role", lane: Exclude<Lane, "renewal"> = "awaited") =>
    (await cache.get(grantOf(role), lane)).accessKeyId;
  return { time, cache, ask, sts, asked, ...recorded };
}

const failing = (kind: "sts-denied" | "sts-unavailable" | "sts-throttled", code = "x"): Issue => {
  return () => Promise.reject(new Refusal({ kind, roleArn: "r", code }));
};
const hanging: Issue = () => new Promise(() => {});

/** A look at every session in use, where it is time for one. @returns whether it was, and what it found to be due */
const look = (cache: CredentialCache): "not yet" | boolean =>
  cache.isTimeToLook() ? cache.wants(grantOf("role")) : "not yet";

describe("CredentialCache, when it is time to look at the sessions in use", () => {
  it("when one is due, and every ten seconds besides", async () => {
    const { ask, cache, time } = bench();
    await ask();
    const dueAfterMs = renewAfterMs(60 * MINUTE, grantOf("role").sessionKey);
    await time.pass(dueAfterMs - 15 * SECOND);
    assert.equal(look(cache), false);
    await time.pass(10 * SECOND - 1);
    assert.equal(look(cache), "not yet");
    await time.pass(1);
    assert.equal(look(cache), false);
    await time.pass(5 * SECOND - 1);
    assert.equal(look(cache), "not yet");
    await time.pass(1);
    assert.equal(look(cache), true);
  });

  it("when what failed is to be tried again", async () => {
    const { ask, cache, time, sts } = bench();
    look(cache);
    sts.answer = failing("sts-unavailable");
    await assert.rejects(ask());
    await time.pass(249); // half of the half second of a first failure
    assert.equal(look(cache), "not yet");
    await time.pass(1);
    assert.equal(look(cache), true);
  });

  it("when the clock by which STS's expiry is judged was set", async () => {
    const { ask, cache, time } = bench();
    await ask();
    assert.equal(look(cache), false);
    time.setWallClock(900);
    assert.equal(look(cache), "not yet");
    time.setWallClock(45 * MINUTE);
    assert.equal(look(cache), true);
  });

  it("when an outage was seen to end, for those who waited for that", async () => {
    const { ask, cache, time, sts } = bench();
    sts.answer = failing("sts-unavailable");
    for (let i = 0; i < 12; i += 1) {
      await ask().catch(() => {});
      await time.pass(10 * SECOND);
    }
    await ask().catch(() => {});
    look(cache);
    sts.answer = sts.works;
    await ask("other");
    await time.pass(500);
    assert.equal(look(cache), true);
  });
});

describe("CredentialCache, what it holds", () => {
  it("issues once for 10,000 callers who ask together", async () => {
    const { ask, asked } = bench();
    const answers = await Promise.all(Array.from({ length: 10_000 }, () => ask()));
    assert.deepEqual(new Set(answers), new Set(["ASIA1"]));
    assert.equal(asked.length, 1);
  });

  it("answers at once, without a promise, what it holds", async () => {
    const { ask, cache } = bench();
    await ask();
    assert.equal((cache.get(grantOf("role"), "awaited") as Credentials).accessKeyId, "ASIA1");
  });

  it("keeps sessions apart by everything that shapes them", async () => {
    const { ask } = bench();
    assert.notEqual(await ask("a"), await ask("b"));
  });

  const ages = [
    { minute: 26, serves: "ASIA1", issued: 1, because: "fresh" },
    { minute: 34, serves: "ASIA1", issued: 2, because: "past half its life: serves what it holds, renews behind" },
    { minute: 59.9, serves: "ASIA1", issued: 2, because: "still valid, however late" },
    { minute: 60, serves: "ASIA2", issued: 2, because: "expired: the caller waits for new keys, never gets old ones" },
  ];
  for (const { minute, serves, issued, because } of ages) {
    it(`at minute ${minute} serves ${serves}, ${issued} issued: ${because}`, async () => {
      const { ask, time, asked } = bench();
      await ask();
      await time.pass(minute * MINUTE);
      assert.equal(await ask(), serves);
      assert.equal(asked.length, issued);
    });
  }

  it("lets go of what nobody used for ten minutes, valid or not, and of nothing else", async () => {
    const { ask, cache, time, asked } = bench();
    for (let i = 0; i < 100; i += 1) void ask(`session ${i}`);
    await time.pass(9 * MINUTE);
    await ask("session 7");
    cache.sweep();
    assert.equal(cache.size, 100);
    await time.pass(2 * MINUTE);
    cache.sweep();
    assert.equal(cache.size, 1);
    await ask("session 7");
    assert.equal(asked.length, 100);
  });

  it("does not let go of a flight's result that is still to come", async () => {
    const { ask, cache, time, asked, sts } = bench();
    let answer = (_: Credentials): void => {};
    sts.answer = () => new Promise((resolve) => (answer = resolve));
    const first = ask();
    await time.pass(11 * MINUTE);
    cache.sweep();
    const second = ask();
    cache.sweep();
    answer(credentials("late", time.now()));
    assert.deepEqual(await Promise.all([first, second]), ["ASIAlate", "ASIAlate"]);
    assert.equal(await ask(), "ASIAlate");
    assert.equal(asked.length, 1);
  });
});

describe("CredentialCache, a host's clock that is set", () => {
  it("serves nothing that STS's own expiry says is over, though the clock jumped there", async () => {
    const { ask, time } = bench();
    await ask();
    time.setWallClock(61 * MINUTE);
    assert.equal(await ask(), "ASIA2");
  });

  it("serves nothing longer than its life, though the clock was set back", async () => {
    const { ask, time } = bench();
    await ask();
    time.setWallClock(-180 * MINUTE);
    await time.pass(61 * MINUTE);
    assert.equal(await ask(), "ASIA2");
  });

  it("renews what by the clock as it is now has little left, though it was not issued long ago", async () => {
    const { time, cache, asked } = bench();
    await cache.get(grantOf("role"), "awaited");
    await time.pass(5 * MINUTE);
    time.setWallClock(25 * MINUTE);
    for (let minute = 0; minute < 4; minute += 1) {
      await time.pass(MINUTE);
      await cache.get(grantOf("role"), "prefetch");
    }
    assert.equal(asked.length, 2);
  });

  it("renews in time though the clock is behind all the while, and makes each session's life look longer than it is", async () => {
    const { time, cache, asked, sts } = bench();
    sts.answer = () => Promise.resolve({ ...credentials("x", time.now()), expiresAt: time.now() + 80 * MINUTE });
    for (let minute = 0; minute <= 34; minute += 1) {
      await cache.get(grantOf("role"), "prefetch");
      await time.pass(MINUTE);
    }
    assert.equal(asked.length, 2);
  });

  it("renews in time when the clock was ahead, or behind, as the session was issued, and is right again", async () => {
    for (const wrongByMs of [20 * MINUTE, -20 * MINUTE]) {
      const { time, cache, asked, sts } = bench();
      sts.answer = () =>
        Promise.resolve({ ...credentials("x", time.now()), expiresAt: time.now() - wrongByMs + 60 * MINUTE });
      time.setWallClock(wrongByMs);
      await cache.get(grantOf("role"), "awaited");
      time.setWallClock(-wrongByMs);
      for (let minute = 0; minute < 34; minute += 1) {
        await time.pass(MINUTE);
        await cache.get(grantOf("role"), "prefetch");
      }
      assert.equal(asked.length, 2, `wrong by ${wrongByMs}`);
    }
  });
});

describe("CredentialCache, outages", () => {
  it("serves what is valid through every kind of outage, and asks ever more rarely, at least every 30 seconds", async () => {
    const { ask, time, sts, asked, failed } = bench({ random: () => 0.999 });
    await ask();
    await time.pass(34 * MINUTE);
    const outages = [failing("sts-unavailable"), failing("sts-throttled"), failing("sts-denied")];
    for (let second = 0; second < 25 * 60; second += 1) {
      sts.answer = outages[Math.floor(second / 500)] ?? hanging;
      assert.equal(await ask(), "ASIA1");
      await time.pass(SECOND);
    }
    const gaps = asked.slice(2).map(({ at }, index) => at - (asked[index + 1]?.at ?? 0));
    assert.ok(
      gaps.slice(0, 4).every((gap) => gap <= 5 * SECOND),
      "at first at once",
    );
    assert.ok(asked.length > 25 && asked.length < 120, `${asked.length} calls in 25 minutes`);
    assert.deepEqual(
      failed.map(({ error }) => (error as Refusal).failure.kind),
      ["sts-unavailable", "sts-throttled", "sts-denied"],
      "each told once",
    );
    assert.ok(failed.every(({ servedUntil }) => servedUntil !== undefined));
    await time.pass(2 * MINUTE);
    await assert.rejects(ask(), /sts-denied/, "and then it is over");
  });

  it("lets a caller's own try wait two seconds at the most, and remembers the failure that long", async () => {
    const { ask, time, sts, asked } = bench({ random: () => 0.999 });
    sts.answer = failing("sts-unavailable");
    for (let half = 0; half < 120; half += 1) {
      await assert.rejects(ask(), /sts-unavailable/);
      await time.pass(SECOND / 2);
    }
    const gaps = asked.slice(1).map(({ at }, index) => at - (asked[index]?.at ?? 0));
    assert.ok(Math.max(...gaps) <= 2_500, `${Math.max(...gaps)}`);
    assert.ok(asked.length < 40, `${asked.length} calls in a minute`);
    sts.answer = sts.works;
    await time.pass(2 * SECOND);
    assert.match(await ask(), /^ASIA/);
  });

  it("when STS answers one again, all others ask again within a second, whatever they still had to wait", async () => {
    const { ask, time, sts, asked, recovered } = bench({ random: () => 0.999 });
    sts.answer = failing("sts-unavailable");
    const tick = async (seconds: number) => {
      for (let second = 0; second < seconds; second += 1) {
        for (let i = 0; i < 10; i += 1) await ask(`quiet ${i}`, "prefetch").catch(() => {});
        await time.pass(SECOND);
      }
    };
    await tick(120);
    sts.answer = sts.works;
    const before = asked.length;
    await ask("new");
    await tick(2);
    assert.deepEqual(new Set(asked.slice(before).map(({ role }) => role)).size, 11);
    assert.equal(recovered.length, 10);
  });

  it("a session that fails whatever STS answers others is not tried at each of their answers, but in its own time", async () => {
    const { ask, time, sts, asked } = bench();
    sts.answer = (grant) => (grant.roleName === "bad" ? failing("sts-unavailable")(grant) : sts.works(grant));
    for (let second = 0; second < 600; second += 1) {
      await ask("bad", "prefetch").catch(() => {});
      await ask(`good ${second}`);
      await time.pass(SECOND);
    }
    const tries = asked.filter(({ role }) => role === "bad").length;
    assert.ok(tries >= 600 / 30 && tries <= 80, `${tries} tries in ten minutes`);
  });

  it("remembers a no of STS for 5 seconds, then twice as long, and never for more than a minute", async () => {
    const { ask, time, sts, asked } = bench();
    sts.answer = failing("sts-denied", "AccessDenied");
    for (let second = 0; second < 600; second += 1) {
      await assert.rejects(ask(), /sts-denied/);
      await time.pass(SECOND);
    }
    const gaps = asked.slice(1).map(({ at }, index) => Math.round((at - (asked[index]?.at ?? 0)) / SECOND));
    assert.deepEqual(gaps.slice(0, 5), [6, 11, 21, 42, 56], "5 s, twice that, …, a twentieth more, to the next second");
    assert.ok(Math.max(...gaps) <= 60);
    sts.answer = sts.works;
    await time.pass(60 * SECOND);
    assert.match(await ask(), /^ASIA/);
  });

  it("tries a no of STS again before a minute is over, whatever is drawn and however late the look at it is", async () => {
    const { cache, time, sts, asked } = bench({ random: () => 0.999 });
    sts.answer = failing("sts-denied", "AccessDenied");
    for (let second = 0; second < 600; second += 1) {
      if (cache.isTimeToLook() && cache.wants(grantOf("role")))
        void Promise.resolve(cache.get(grantOf("role"), "prefetch")).catch(() => {});
      await time.pass(SECOND);
    }
    const gaps = asked.slice(1).map(({ at }, index) => at - (asked[index]?.at ?? 0));
    assert.ok(gaps.length > 10 && Math.max(...gaps) < 60 * SECOND, `${Math.max(...gaps)}`);
  });

  it("a no of STS to one says nothing of another", async () => {
    const { ask, sts } = bench();
    sts.answer = (grant) => (grant.roleName === "bad" ? failing("sts-denied")(grant) : sts.works(grant));
    await assert.rejects(ask("bad"));
    await ask("good");
    await assert.rejects(ask("bad"), /sts-denied/);
  });

  it("whoever comes while a call is under way shares it, though the last one failed", async () => {
    const { ask, time, sts, asked } = bench();
    sts.answer = failing("sts-unavailable");
    await assert.rejects(ask());
    let answer = (_: Credentials): void => {};
    sts.answer = () => new Promise((resolve) => (answer = resolve));
    await time.pass(SECOND);
    const background = ask("role", "prefetch");
    const caller = ask();
    await time.pass(0);
    answer(credentials("late", time.now()));
    assert.deepEqual(await Promise.all([background, caller]), ["ASIAlate", "ASIAlate"]);
    assert.equal(asked.length, 2);
  });

  it("whoever comes while a call is under way shares it, though for a call of its own it would have to wait", async () => {
    const draws = [0.9, 0.1];
    const { ask, time, sts, asked } = bench({ random: () => draws.shift() ?? 0.5 });
    sts.answer = failing("sts-unavailable");
    await assert.rejects(ask());
    sts.answer = (grant) => time.sleep(50).then(() => sts.works(grant));
    await time.pass(60); // 180 ms for a caller's own call, 50 for one that nobody waits for
    const background = ask("role", "prefetch");
    const caller = ask();
    await time.pass(50);
    assert.deepEqual(await Promise.all([background, caller]), ["ASIA2", "ASIA2"]);
    assert.equal(asked.length, 2);
  });

  it("whoever waits for what was queued for later goes before the rest of the queue", async () => {
    const { ask, time, asked } = bench();
    for (let i = 0; i < 1_000; i += 1) void ask(`${i}`, "prefetch");
    await time.pass(SECOND);
    const caller = ask("999");
    await time.pass(100);
    const place = asked.findIndex(({ role }) => role === "999");
    assert.ok(place >= 0 && place < 200, `${place}`);
    assert.match(await caller, /^ASIA/);
  });

  it("knows of each what the last call ended in, and nothing once it went well", async () => {
    const { ask, time, sts, cache } = bench();
    sts.answer = failing("sts-unavailable", "ECONNREFUSED");
    assert.deepEqual(await refused(ask()), { kind: "sts-unavailable", roleArn: "r", code: "ECONNREFUSED" });
    assert.match(String(cache.troubleOf(grantOf("role"))), /sts-unavailable/);
    sts.answer = sts.works;
    await time.pass(SECOND);
    await ask();
    assert.equal(cache.troubleOf(grantOf("role")), undefined);
  });
});
