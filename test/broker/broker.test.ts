import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CredentialBroker } from "../../src/broker/broker.ts";
import { type HandOut, observed } from "../../src/broker/broker-events.ts";
import { staticWorkloads } from "../../src/broker/static-workloads.ts";
import { firstToKnow, type WorkloadResolver } from "../../src/broker/workload-resolver.ts";
import type { Credentials } from "../../src/core/credentials.ts";
import { Refusal } from "../../src/core/failure.ts";
import type { Grant, GrantSettings } from "../../src/core/grant.ts";
import type { HomeAccount } from "../../src/core/role-arn.ts";
import { RuleBook } from "../../src/core/rule-book.ts";
import type { Workload } from "../../src/core/workload.ts";
import { sleep } from "../../src/kit/sleep.ts";
import { recordedEvents, sessionCache } from "../support/sessions.ts";
import { VirtualTime } from "../support/virtual-time.ts";
import { ANY_ROLE, binding, clock, credentials, MINUTE, peer, refused, workload } from "../support/workloads.ts";

const RED = workload("red", "red-role");
const BLUE = workload("blue", "blue-role");
const HOME = { partition: "aws", accountId: "111122223333" };

const rulesFor = (name: string, allow = "*") =>
  new RuleBook([{ match: { name }, allow: [allow], deny: [], policyArns: [], sessionTags: {}, transitiveTags: [] }]);

interface Given {
  readonly issue?: (grant: Grant) => Promise<Credentials>;
  readonly resolver?: WorkloadResolver;
  readonly home?: () => Promise<HomeAccount>;
  readonly onRoleLost?: (workload: Workload) => void;
}

function bench(given: Given = {}) {
  const { now, turn } = clock();
  const asked: Grant[] = [];
  const cache = sessionCache(
    (grant) => {
      asked.push(grant);
      return given.issue?.(grant) ?? Promise.resolve(credentials(grant.roleName, now()));
    },
    { now },
  );
  const broker = new CredentialBroker({
    resolver:
      given.resolver ??
      staticWorkloads(
        new Map([
          ["10.0.0.1", RED],
          ["10.0.0.2", BLUE],
        ]),
      ),
    cache,
    settings: ANY_ROLE,
    home: given.home ?? (() => Promise.resolve(HOME)),
    sleep,
    uptime: now,
    onRoleLost: given.onRoleLost ?? (() => {}),
    waitForStsMs: 20,
  });
  const credentialsOf = async (address: string) => {
    const binding = await broker.identify(peer(address));
    return broker.credentialsFor(binding, await broker.grantFor(binding.workload));
  };
  return { broker, cache, asked, credentialsOf, turn };
}

describe("CredentialBroker", () => {
  it("gives each peer the credentials of its own workload's role", async () => {
    const { credentialsOf } = bench();
    assert.equal((await credentialsOf("10.0.0.1")).accessKeyId, "ASIAred-role");
    assert.equal((await credentialsOf("10.0.0.2")).accessKeyId, "ASIAblue-role");
  });

  it("decides once for each life of a workload, and anew for the next", async () => {
    const { broker } = bench();
    const grant = await broker.grantFor(RED);
    assert.equal(await broker.grantFor(RED), grant);
    const reborn = {
      ...RED,
      startedAt: "2026-02-02T00:00:00Z",
      roleClaim: { text: "other", place: "label taskrole.role" },
    };
    assert.equal((await broker.grantFor(reborn)).roleName, "other");
  });

  it("refuses a peer that no source of workloads knows", async () => {
    assert.deepEqual(await refused(bench().broker.identify(peer("10.0.0.9"))), {
      kind: "unknown-peer",
      address: "10.0.0.9",
    });
  });

  it("asks no further source when one cannot tell: to guess on would be unsafe", async () => {
    const cannotTell: WorkloadResolver = {
      source: "docker",
      resolve: ({ address }) => Promise.reject(new Refusal({ kind: "identity-unavailable", address, reason: "down" })),
    };
    const resolver = firstToKnow([cannotTell, staticWorkloads(new Map([["10.0.0.1", RED]]))]);
    assert.equal(resolver.source, "docker+static");
    assert.equal((await refused(bench({ resolver }).broker.identify(peer("10.0.0.1")))).kind, "identity-unavailable");
  });

  it("asks the next source when one says the peer is none of its own", async () => {
    const resolver = firstToKnow([staticWorkloads(new Map()), staticWorkloads(new Map([["10.0.0.1", RED]]))]);
    assert.equal((await bench({ resolver }).broker.identify(peer("10.0.0.1"))).workload, RED);
  });

  it("lets a caller wait for STS only so long, and has the result for the next", async () => {
    let answer = (_: Credentials): void => {};
    const { credentialsOf, asked } = bench({ issue: () => new Promise((resolve) => (answer = resolve)) });
    assert.equal((await refused(credentialsOf("10.0.0.1"))).kind, "credentials-pending");
    answer(credentials("late"));
    assert.equal((await credentialsOf("10.0.0.1")).accessKeyId, "ASIAlate");
    assert.equal(asked.length, 1);
  });

  it("lets a caller wait for the host's own account only so long, and what is fetched ahead as long as it takes", async () => {
    const { promise, resolve } = Promise.withResolvers<HomeAccount>();
    const { broker, credentialsOf } = bench({ home: () => promise });
    const fetched = broker.prefetch(binding("10.0.0.1", RED));
    assert.equal((await refused(broker.grantFor(RED))).kind, "upstream-unavailable");
    resolve(HOME);
    await fetched;
    assert.equal((await credentialsOf("10.0.0.1")).accessKeyId, "ASIAred-role");
  });

  it("passes on STS's refusal within the wait", async () => {
    const issue = () => Promise.reject(new Refusal({ kind: "sts-denied", roleArn: "r", code: "AccessDenied" }));
    assert.equal((await refused(bench({ issue }).credentialsOf("10.0.0.1"))).kind, "sts-denied");
  });

  it("knows nobody at a link-local address, whatever its sources say: each link has such addresses of its own", async () => {
    const resolver = staticWorkloads(new Map([["fe80::42:acff:fe11:2", RED]]));
    const { broker } = bench({ resolver });
    assert.equal((await refused(broker.identify(peer("fe80::42:acff:fe11:2")))).kind, "unknown-peer");
  });

  it("renews the session of a workload that lives, though it does not ask, and lets go of one that ended", async () => {
    const ended = new Set<string>();
    const resolver: WorkloadResolver = {
      source: "test",
      resolve: ({ address }) => {
        const of = address === "10.0.0.1" ? RED : BLUE;
        return Promise.resolve({ address, workload: of, isCurrent: () => !ended.has(address) });
      },
    };
    const { broker, asked, credentialsOf, turn } = bench({ resolver });
    await credentialsOf("10.0.0.1");
    await broker.prefetch(await broker.identify(peer("10.0.0.2")));
    ended.add("10.0.0.2");
    for (let half = 1; half <= 4 * 60; half += 1) {
      turn(MINUTE / 2);
      broker.keepSessions();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const calls = asked.map(({ roleName }) => roleName);
    assert.deepEqual(calls, ["red-role", "blue-role", ...new Array(4).fill("red-role")], "every half hour");
  });

  it("keeps the session of a binding that was let go no longer than others nobody uses", async () => {
    const { broker, asked, cache, turn } = bench();
    const [red, blue] = [binding("10.0.0.1", RED), binding("10.0.0.2", BLUE)];
    await Promise.all([broker.prefetch(red), broker.prefetch(blue)]);
    broker.letGo(red);
    for (let minute = 0; minute < 40; minute += 1) {
      turn(MINUTE);
      broker.keepSessions();
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual(
      asked.map(({ roleName }) => roleName),
      ["red-role", "blue-role", "blue-role"],
    );
    assert.equal(cache.size, 1);
  });

  it("does not call STS any more for workloads that ended while the call waited its turn, and for all others it does", async () => {
    const time = new VirtualTime();
    const asked: string[] = [];
    const recorded = recordedEvents();
    const issue = async ({ roleName }: Grant) => {
      asked.push(roleName);
      return credentials(roleName, time.now());
    };
    const cache = sessionCache(issue, { ...time, events: recorded.events });
    const parts = { resolver: staticWorkloads(new Map()), settings: ANY_ROLE, home: () => Promise.resolve(HOME) };
    const broker = new CredentialBroker({ ...parts, cache, ...time, onRoleLost: () => {}, waitForStsMs: 350 });
    const of = (name: string, role: string) => binding(`of ${name}`, workload(name, role));
    const first = Array.from({ length: 64 }, (_, i) => of(`first ${i}`, `first-${i}`)); // as many as go at once
    const dead = Array.from({ length: 200 }, (_, i) => of(`dead ${i}`, `dead-${i}`));
    const [sharer, living, asking] = [of("sharer", "shared"), of("living", "shared"), of("asking", "asked-for")];
    const all = [...first, ...dead, sharer, living, asking];
    for (const one of all) void broker.prefetch(one).catch(() => {});
    await time.pass(0);
    const answer = broker.credentialsFor(asking, await broker.grantFor(asking.workload));
    for (const one of [...dead, sharer, asking]) broker.letGo(one);
    await time.pass(5_000);
    assert.equal((await answer).accessKeyId, "ASIAasked-for", "somebody waits for it");
    assert.deepEqual(asked.slice(64), ["asked-for", "shared"]);
    assert.deepEqual(recorded.failed, []);
  });

  it("keeps no session for a binding that was let go, though a request that had it before finishes by it", async () => {
    const { broker, asked, turn } = bench();
    const red = binding("10.0.0.1", RED);
    const grant = await broker.grantFor(RED);
    await broker.credentialsFor(red, grant);
    broker.letGo(red);
    await broker.credentialsFor(red, grant);
    await broker.prefetch(red);
    for (let minute = 0; minute < 3 * 60; minute += 1) {
      turn(MINUTE);
      broker.keepSessions();
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(asked.length, 1);
  });

  it("tells a caller that waited in vain what the last call failed with, where there was one", async () => {
    const answers = [
      () => Promise.reject(new Refusal({ kind: "sts-unavailable", roleArn: "r", code: "ECONNRESET" })),
      () => new Promise<Credentials>(() => {}),
    ];
    const { credentialsOf, turn } = bench({ issue: () => answers.shift()?.() ?? assert.fail("asked too often") });
    assert.equal((await refused(credentialsOf("10.0.0.1"))).kind, "sts-unavailable");
    turn(1_000);
    assert.deepEqual(await refused(credentialsOf("10.0.0.1")), {
      kind: "sts-unavailable",
      roleArn: "r",
      code: "ECONNRESET",
    });
  });

  /** One of the answers after the other, each after some time, then nothing ever again. */
  function inVirtualTime(answers: readonly (readonly [ms: number, answer: () => Promise<Credentials>])[], homeMs = 0) {
    const time = new VirtualTime();
    const left = [...answers];
    const asked: number[] = [];
    const issue = async () => {
      asked.push(time.uptime());
      const [ms, answer] = left.shift() ?? [Number.POSITIVE_INFINITY, () => new Promise<never>(() => {})];
      await time.sleep(ms);
      return answer();
    };
    const broker = new CredentialBroker({
      resolver: staticWorkloads(new Map([["10.0.0.1", RED]])),
      cache: sessionCache(issue, time),
      settings: ANY_ROLE,
      home: () => time.sleep(homeMs).then(() => HOME),
      ...time,
      onRoleLost: () => {},
      waitForStsMs: 350,
    });
    /** @returns the key's id or the failure's kind, and after how long */
    const ask = async (): Promise<readonly [what: string, tookMs: number]> => {
      const [askedAt, until] = [time.uptime(), broker.deadline()];
      const of = binding("10.0.0.1", RED);
      const what = await broker
        .grantFor(RED, until)
        .then((grant) => broker.credentialsFor(of, grant, until))
        .then(
          ({ accessKeyId }) => accessKeyId,
          (error: unknown) => (error as Refusal).failure.kind,
        );
      return [what, time.uptime() - askedAt];
    };
    return { time, ask, asked };
  }
  const fails = (kind: "sts-denied" | "sts-unavailable") => () =>
    Promise.reject(new Refusal({ kind, roleArn: "r", code: "x" }));
  const works = () => Promise.resolve(credentials("late"));

  it("asks once more for a caller whose wait is not over, after a failure that may pass: some SDKs do not ask again", async () => {
    const { time, ask, asked } = inVirtualTime([
      [50, fails("sts-unavailable")],
      [50, works],
    ]);
    const first = ask();
    await time.pass(100); // another comes while what failed is not to be tried again yet
    const second = ask();
    await time.pass(400);
    assert.deepEqual([(await first)[0], (await second)[0]], ["ASIAlate", "ASIAlate"]);
    assert.deepEqual(asked, [0, 151]); // half of the 200 ms that a caller's own try waits at first
  });

  it("asks not again for a caller where that would be over too late, nor after a no of STS", async () => {
    const unavailable = inVirtualTime([[260, fails("sts-unavailable")]]);
    const denied = inVirtualTime([[50, fails("sts-denied")]]);
    const answers = [unavailable.ask(), denied.ask()];
    await Promise.all([unavailable, denied].map(({ time }) => time.pass(400)));
    assert.deepEqual(await Promise.all(answers), [
      ["sts-unavailable", 260],
      ["sts-denied", 50],
    ]);
    assert.deepEqual([unavailable.asked.length, denied.asked.length], [1, 1]);
  });

  it("lets a caller wait only so long for the host's own account and for STS together", async () => {
    const { time, ask, asked } = inVirtualTime([], 300);
    const answer = ask();
    await time.pass(1_000);
    assert.deepEqual(await answer, ["credentials-pending", 350]);
    assert.deepEqual(asked, [300]);
  });

  it("has what it prefetched ready, without another call", async () => {
    const { broker, credentialsOf, asked } = bench();
    await broker.prefetch(binding("10.0.0.1", RED));
    await credentialsOf("10.0.0.1");
    assert.equal(asked.length, 1);
  });

  it("has what it fetched for a workload that did not run yet, for the life that then asks", async () => {
    const { broker, credentialsOf, asked } = bench();
    await broker.anticipate({ ...RED, startedAt: "0001-01-01T00:00:00Z" });
    await credentialsOf("10.0.0.1");
    assert.equal(asked.length, 1);
  });

  describe("decided by other rules", () => {
    const home = () => Promise.resolve(HOME);
    const anyone = (text?: string) => ({
      ...ANY_ROLE,
      ...(text !== undefined && { defaultRole: text }),
    });
    const { roleClaim: _, ...plain } = { ...RED, id: "plain" };
    const resolver = staticWorkloads(new Map([["10.0.0.3", plain]]));

    it("has the new role at the next request, and nothing where it has none any more", async () => {
      const { broker, credentialsOf } = bench({ resolver });
      broker.decideBy({ settings: anyone("old"), home });
      assert.equal((await credentialsOf("10.0.0.3")).accessKeyId, "ASIAold");
      broker.decideBy({ settings: anyone("new"), home });
      assert.equal((await credentialsOf("10.0.0.3")).accessKeyId, "ASIAnew");
      broker.decideBy({ settings: anyone(), home });
      assert.equal((await refused(credentialsOf("10.0.0.3"))).kind, "no-role");
    });

    it("tells of whom a role was taken, or replaced by another, and of nobody else", async () => {
      const lost: string[] = [];
      const { broker, credentialsOf } = bench({ resolver, onRoleLost: ({ id }) => lost.push(id) });
      const decide = async (text?: string) => {
        broker.decideBy({ settings: anyone(text), home });
        await new Promise((resolve) => setImmediate(resolve));
      };
      await decide("old");
      assert.deepEqual(lost, [], "nobody had one");
      await credentialsOf("10.0.0.3");
      await decide("old");
      assert.deepEqual(lost, [], "the decision is the same");
      await decide("new");
      assert.deepEqual(lost, ["plain"]);
      await decide();
      assert.deepEqual(lost, ["plain", "plain"]);
    });

    it("tells of a role taken once for all addresses of its container, and of each container", async () => {
      const lost: string[] = [];
      const { broker } = bench({ onRoleLost: ({ id }) => lost.push(id) });
      for (const [i, of] of [RED, { ...RED }, BLUE, { ...BLUE }].entries())
        await broker.prefetch(binding(`10.0.0.${i}`, of));
      for (const roleRules of [rulesFor("nobody"), rulesFor("*"), rulesFor("nobody")]) {
        broker.decideBy({ settings: { ...ANY_ROLE, roleRules }, home });
        for (const [i, of] of [RED, { ...RED }, BLUE, { ...BLUE }].entries())
          await broker.prefetch(binding(`10.0.0.${i}`, of)).catch(() => {});
      }
      assert.deepEqual(lost, [RED.id, BLUE.id, RED.id, BLUE.id]);
    });

    it("takes no role from anybody because the host's account is not known at the moment", async () => {
      const lost: string[] = [];
      const { broker, credentialsOf } = bench({ resolver, onRoleLost: ({ id }) => lost.push(id) });
      broker.decideBy({ settings: anyone("old"), home });
      await credentialsOf("10.0.0.3");
      const unavailable = () =>
        Promise.reject(new Refusal({ kind: "upstream-unavailable", what: "x", reason: "away" }));
      broker.decideBy({ settings: anyone("old"), home: unavailable });
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(lost, []);
    });

    it("judges anew whom a binding shows as another: what it may not have any more is not renewed, and it is told of", async () => {
      const lost: string[] = [];
      const { broker, credentialsOf, asked, turn } = bench({ resolver, onRoleLost: ({ id }) => lost.push(id) });
      broker.decideBy({ settings: anyone("old"), home });
      await credentialsOf("10.0.0.3");
      const binding = await broker.identify(peer("10.0.0.3"));
      const { workload } = binding;
      await broker.prefetch(binding);
      assert.deepEqual(lost, [], "it is who it was");
      Object.assign(binding, { workload: { ...workload, roleClaim: { text: "no role", place: "label" } } });
      await broker.prefetch(binding);
      assert.deepEqual(lost, ["plain"]);
      for (let half = 1; half <= 2 * 70; half += 1) {
        turn(MINUTE / 2);
        broker.keepSessions();
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(asked.length, 1, "the session of before is let go");
      Object.assign(binding, { workload: { ...workload, roleClaim: { text: "mine", place: "label" } } });
      await broker.prefetch(binding);
      assert.equal(asked.at(-1)?.roleName, "mine");
      Object.assign(binding, { workload }); // it is the other tests', too
    });

    it("keeps a session in hand where the decision is the same", async () => {
      const { broker, credentialsOf, asked } = bench();
      await credentialsOf("10.0.0.1");
      broker.decideBy({ settings: anyone("new"), home });
      await credentialsOf("10.0.0.1");
      assert.equal(asked.length, 1);
    });

    it("has the new session ready before it is asked for, and renews the old one no more", async () => {
      const { broker, credentialsOf, asked, turn } = bench({ resolver });
      broker.decideBy({ settings: anyone("old"), home });
      await credentialsOf("10.0.0.3");
      broker.decideBy({ settings: anyone("new"), home });
      for (let half = 1; half <= 2 * 70; half += 1) {
        turn(MINUTE / 2);
        broker.keepSessions();
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.deepEqual(
        asked.map(({ roleName }) => roleName),
        ["old", "new", "new", "new"],
      );
    });

    it("does not remember a decision that was under way, nor renews what it led to", async () => {
      const { broker, asked, turn } = bench({ resolver });
      const slow = Promise.withResolvers<HomeAccount>();
      broker.decideBy({ settings: anyone("old"), home: () => slow.promise });
      const held = await broker.identify(peer("10.0.0.3"));
      const underWay = broker.grantFor(held.workload);
      broker.decideBy({ settings: anyone("new"), home });
      slow.resolve(HOME);
      const grant = await underWay;
      assert.equal(grant.roleName, "old", "it ends as it began");
      await broker.credentialsFor(held, grant);
      assert.equal((await broker.grantFor(held.workload)).roleName, "new");
      turn(40 * MINUTE);
      broker.keepSessions();
      assert.deepEqual(
        asked.map(({ roleName }) => roleName),
        ["old"],
      );
    });
  });

  describe("refused", () => {
    const home = () => Promise.resolve(HOME);
    const claims = (text: string) => ({ sourceIdentity: { text, place: "label" } });
    const nobodys = rulesFor("nobody");
    const readers = rulesFor("*", "*:role/reader");

    /** Settings that count how often something was decided by them. */
    function counted(more: Partial<GrantSettings> = {}) {
      const { roleRules, ...others } = { ...ANY_ROLE, ...more };
      const count = { decisions: 0 };
      const settings: GrantSettings = {
        ...others,
        get roleRules() {
          count.decisions += 1;
          return roleRules;
        },
      };
      return { settings, count };
    }

    for (const [kind, of, more] of [
      ["no-role", workload("w"), {}],
      ["bad-role", workload("w", "no role"), {}],
      ["bad-role", workload("w", "r@nobody"), {}],
      ["bad-session", { ...RED, sessionClaims: claims("é") }, {}],
      ["no-rule", RED, { roleRules: nobodys }],
      ["role-refused", RED, { roleRules: readers }],
    ] as const)
      it(`is decided once for all that it asks, and anew by other rules: ${kind} of ${JSON.stringify(of.roleClaim?.text)}`, async () => {
        const { broker } = bench();
        const first = counted(more);
        broker.decideBy({ settings: first.settings, home });
        for (let i = 0; i < 1_000; i += 1) assert.equal((await refused(broker.grantFor(of))).kind, kind);
        await broker.prefetch(binding("10.0.0.1", of)).catch(() => {});
        assert.equal(first.count.decisions, 1);
        assert.equal((await refused(broker.grantFor({ ...of, startedAt: "later" }))).kind, kind);
        assert.equal(first.count.decisions, 2, "another life, or the same on other networks");
        const next = counted(more);
        broker.decideBy({ settings: next.settings, home });
        assert.equal((await refused(broker.grantFor(of))).kind, kind);
        assert.deepEqual([first.count.decisions, next.count.decisions], [2, 1]);
      });

    it("has its role as soon as the rules give it one", async () => {
      const { broker } = bench();
      broker.decideBy({ settings: counted({ roleRules: nobodys }).settings, home });
      assert.equal((await refused(broker.grantFor(RED))).kind, "no-rule");
      broker.decideBy({ settings: ANY_ROLE, home });
      assert.equal((await broker.grantFor(RED)).roleName, "red-role");
    });

    it("for the host's own account, which is not known yet, has its role when it is", async () => {
      const failing = new Refusal({ kind: "upstream-unavailable", what: "x", reason: "away" });
      let answer: () => Promise<HomeAccount> = () => Promise.reject(failing);
      const { broker } = bench({ home: () => answer() });
      assert.equal((await refused(broker.grantFor(RED))).kind, "upstream-unavailable");
      answer = home;
      assert.equal((await broker.grantFor(RED)).roleName, "red-role");
    });

    it("as it shows from now on, and asking before anybody is told of it, loses its role all the same", async () => {
      const lost: string[] = [];
      const { broker } = bench({ onRoleLost: ({ id }) => lost.push(id) });
      const shown = { ...binding("10.0.0.1", RED), workload: RED };
      await broker.prefetch(shown);
      shown.workload = { ...RED, roleClaim: { text: "no role", place: "label" } };
      assert.equal((await refused(broker.grantFor(shown.workload))).kind, "bad-role");
      await broker.prefetch(shown);
      assert.deepEqual(lost, [RED.id]);
    });
  });

  it("tells the observer of each hand-out, and of nothing secret", async () => {
    const told: HandOut[] = [];
    const { broker } = bench();
    const watched = observed(broker, { handedOut: (event) => told.push(event) });
    const binding = await watched.identify(peer("10.0.0.1"));
    const secret = await watched.credentialsFor(binding, await watched.grantFor(binding.workload));
    assert.equal(told.length, 1);
    assert.equal(told[0]?.accessKeyId, secret.accessKeyId);
    assert.equal(told[0]?.workload, RED);
    const text = JSON.stringify(told);
    assert.ok(!text.includes(secret.secretAccessKey) && !text.includes(secret.sessionToken));
  });
});
