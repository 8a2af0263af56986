import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CredentialBroker } from "../../src/broker/broker.ts";
import type { Binding } from "../../src/broker/workload-resolver.ts";
import { type Failure, Refusal } from "../../src/core/failure.ts";
import type { Grant } from "../../src/core/grant.ts";
import { seeded } from "../support/seeded.ts";
import { recordedEvents, sessionCache } from "../support/sessions.ts";
import { VirtualTime } from "../support/virtual-time.ts";
import { ANY_ROLE, credentials, MINUTE, peer, workload } from "../support/workloads.ts";

const SECOND = 1_000;
const STS_MS = 80;
const WORKLOADS = 40;
const numbered = Array.from({ length: WORKLOADS }, (_, i) => i);

type Answer = (grant: Grant) => Promise<never> | undefined;

interface Served {
  readonly kind: "served";
  readonly at: number;
  readonly expiresAt: number;
  readonly minutesLeft: number;
  readonly tookMs: number;
}
interface NotServed {
  readonly kind: Failure["kind"];
  readonly at: number;
  readonly tookMs: number;
}

/** A whole host in virtual time: the broker, its cache, its lanes, and the daemon's timer, each workload with its own role. */
class Hours {
  readonly time = new VirtualTime();
  readonly calls: { readonly role: string; readonly at: number }[] = [];
  readonly recorded = recordedEvents();
  /** What STS does instead of serving; undefined lets it serve. */
  fault: Answer = () => undefined;
  readonly #broker: CredentialBroker;
  readonly #dead = new Set<string>();
  readonly #bindings = new Map<string, Binding>();

  constructor() {
    const { time } = this;
    const cache = sessionCache((grant) => this.#sts(grant), {
      ...time,
      random: seeded(20_261_122),
      events: this.recorded.events,
    });
    this.#broker = new CredentialBroker({
      resolver: {
        source: "test",
        resolve: async ({ address }) => this.#bindingOf(address),
      },
      cache,
      settings: ANY_ROLE,
      home: async () => ({ partition: "aws", accountId: "111122223333" }),
      sleep: time.sleep,
      uptime: time.uptime,
      onRoleLost: () => {},
      waitForStsMs: 350,
    });
  }

  #bindingOf(address: string): Binding {
    const known = this.#bindings.get(address);
    if (known) return known;
    const name = `app-${address.split(".")[3]}`;
    const binding = { address, workload: workload(name, name), isCurrent: () => !this.#dead.has(address) };
    this.#bindings.set(address, binding);
    return binding;
  }

  async #sts(grant: Grant) {
    this.calls.push({ role: grant.roleName, at: this.time.uptime() });
    const { fault } = this;
    await this.time.sleep(STS_MS);
    return fault(grant) ?? credentials(`${this.calls.length}`, this.time.now());
  }

  async start(i: number): Promise<void> {
    const binding = await this.#broker.identify(peer(addressOf(i)));
    void this.#broker.prefetch(binding).catch(() => {});
  }

  end(i: number): void {
    this.#dead.add(addressOf(i));
  }

  /** As the daemon does, a second at a time. */
  async pass(seconds: number, eachSecond: (second: number) => void = () => {}): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      await this.time.pass(SECOND);
      this.#broker.keepSessions();
      eachSecond(second);
    }
  }

  /** Does not wait: the answer comes as time passes. */
  async ask(i: number): Promise<Served | NotServed> {
    const askedAt = this.time.uptime();
    const times = () => ({ at: this.time.now(), tookMs: this.time.uptime() - askedAt });
    try {
      const binding = await this.#broker.identify(peer(addressOf(i)));
      const { expiresAt } = await this.#broker.credentialsFor(binding, await this.#broker.grantFor(binding.workload));
      return { kind: "served", expiresAt, minutesLeft: (expiresAt - this.time.now()) / MINUTE, ...times() };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { kind: error.failure.kind, ...times() };
    }
  }
}

const addressOf = (i: number): string => `10.0.0.${i}`;
/** Each answer is credentials, until those last given have truly ended. */
function assertServedToTheEnd(answers: readonly (Served | NotServed)[]): void {
  let expiresAt = Number.POSITIVE_INFINITY;
  for (const answer of answers) {
    if (answer.kind === "served") expiresAt = (answer as Served).expiresAt;
    else
      assert.ok(
        answer.at - answer.tookMs >= expiresAt,
        `${answer.kind} ${(expiresAt - answer.at) / 1000} s before the end`,
      );
  }
  assert.equal(answers[0]?.kind, "served");
}

const unavailable = (grant: Grant) =>
  Promise.reject(new Refusal({ kind: "sts-unavailable", roleArn: grant.roleArn, code: "ECONNREFUSED" }));
const throttled = (grant: Grant) =>
  Promise.reject(new Refusal({ kind: "sts-throttled", roleArn: grant.roleArn, code: "Throttling" }));
const denied = (grant: Grant) =>
  Promise.reject(new Refusal({ kind: "sts-denied", roleArn: grant.roleArn, code: "AccessDenied" }));
const hostLost = () => Promise.reject(new Refusal({ kind: "upstream-unavailable", what: "iam", reason: "down" }));
const hung = () => new Promise<never>(() => {});

/** All started and served, half an hour ago: in the steady state. */
async function steadyHost(): Promise<Hours> {
  const host = new Hours();
  for (const i of numbered) await host.start(i);
  await host.pass(35 * 60);
  return host;
}

describe("three hours of 40 workloads with 40 roles", () => {
  it("each asks every 20 seconds and is served, with 26 minutes left at the least; STS is called once per session and half life", async () => {
    const host = new Hours();
    for (const i of numbered) await host.start(i);
    await host.pass(5);
    const answers: Promise<Served | NotServed>[] = [];
    await host.pass(3 * 3_600, (second) => {
      if (second % 20 === 0) for (const i of numbered) answers.push(host.ask(i));
    });
    const all = await Promise.all(answers);
    assert.equal(all.length, WORKLOADS * 540);
    assert.ok(all.every(({ kind, tookMs }) => kind === "served" && tookMs === 0));
    const least = Math.min(...all.map((one) => (one.kind === "served" ? one.minutesLeft : 0)));
    assert.ok(least >= 26, `${least} minutes`);
    // Counted when the sessions' turns are no longer those of the start.
    const from = host.calls.length;
    await host.pass(3 * 3_600);
    const [count, ideal] = [host.calls.length - from, WORKLOADS * 3 * 2];
    assert.ok(Math.abs(count - ideal) / ideal <= 0.05, `${count} calls, ideally ${ideal}`);
  });

  it("those that ended are renewed no more", async () => {
    const host = await steadyHost();
    for (const i of numbered) host.end(i);
    const before = host.calls.length;
    await host.pass(3_600);
    assert.equal(host.calls.length, before);
  });

  it("renewals of sessions that were issued together are spread: never more than a third in one of six minutes", async () => {
    const host = new Hours();
    for (const i of numbered) await host.start(i);
    await host.pass(34 * 60);
    const renewals = host.calls.slice(WORKLOADS).map(({ at }) => Math.floor(at / MINUTE));
    assert.equal(renewals.length, WORKLOADS);
    for (let minute = 27; minute <= 33; minute += 1) {
      const count = renewals.filter((at) => at === minute).length;
      assert.ok(count <= WORKLOADS / 3, `${count} in minute ${minute}`); // by their keys: 7 on average, and 11 is no rarity
    }
  });
});

describe("half an hour of outage, from whatever moment, and whoever holds credentials is served throughout", () => {
  const faults: readonly (readonly [string, Answer])[] = [
    ["STS refuses connections", unavailable],
    ["STS throttles everything", throttled],
    ["the host's own credentials are lost", hostLost],
    ["STS accepts and says nothing", hung],
    ["somebody took the permission away", denied],
  ];
  for (const [what, fault] of faults) {
    it(`${what}: 0 errors, few calls, and all is as before within a minute of its end`, async () => {
      const host = await steadyHost();
      const callsBefore = host.calls.length;
      host.fault = fault;
      const answers = numbered.map((): Promise<Served | NotServed>[] => []);
      await host.pass(30 * 60, (second) => {
        if (second % 10 === 0) for (const i of numbered) answers[i]?.push(host.ask(i));
      });
      await host.time.pass(SECOND);
      for (const each of answers) assertServedToTheEnd(await Promise.all(each));
      const inOutage = host.calls.length - callsBefore;
      assert.ok(inOutage <= WORKLOADS * 30 * 4, `${inOutage} calls: at most one in 15 seconds for each session`);
      host.fault = () => undefined;
      if (fault === hung) return; // a call without an end is the adapter's to end
      await host.pass(60);
      const after = await Promise.all(numbered.map((i) => host.ask(i)));
      const least = Math.min(...after.map((one) => (one.kind === "served" ? one.minutesLeft : 0)));
      assert.ok(least >= 26, `${least} minutes are left to somebody a minute after the end`);
    });
  }

  it("longer than the sessions live: from their true end 503 at once or within 350 ms, and seconds after the outage all have credentials, without a stampede", async () => {
    const host = await steadyHost();
    host.fault = unavailable;
    await host.pass(61 * 60);
    const cold: Promise<Served | NotServed>[] = [];
    await host.pass(30, () => {
      for (const i of numbered) cold.push(host.ask(i));
    });
    await host.time.pass(SECOND);
    for (const answer of await Promise.all(cold)) {
      assert.equal(answer.kind, "sts-unavailable");
      assert.ok(answer.tookMs <= 350);
    }
    host.fault = () => undefined;
    const from = host.calls.length;
    const late: Promise<Served | NotServed>[] = [];
    await host.pass(3, () => {
      for (const i of numbered) late.push(host.ask(i));
    });
    await host.time.pass(SECOND);
    const lastAnswers = (await Promise.all(late)).slice(-WORKLOADS);
    assert.ok(lastAnswers.every(({ kind }) => kind === "served"));
    assert.equal(host.calls.length - from, WORKLOADS, "one call for each");
  });

  it("nobody asks: after an outage of hours every session is there again within 35 seconds", async () => {
    const host = await steadyHost();
    host.fault = unavailable;
    await host.pass(3 * 3_600);
    host.fault = () => undefined;
    await host.pass(35);
    const after = await Promise.all(numbered.map((i) => host.ask(i)));
    assert.ok(after.every((one) => one.kind === "served" && one.tookMs === 0));
  });

  it("a trust that is mended is found within a minute, asked or not", async () => {
    const host = new Hours();
    host.fault = denied;
    for (const i of numbered) await host.start(i);
    await host.pass(600);
    const perSession = host.calls.length / WORKLOADS;
    assert.ok(perSession <= 15, `${perSession} calls in ten minutes`);
    host.fault = () => undefined;
    await host.pass(60);
    const after = await Promise.all(numbered.map((i) => host.ask(i)));
    assert.ok(after.every((one) => one.kind === "served" && one.tookMs === 0));
  });

  it("tells of it once for each session and once of its end, however often it is tried", async () => {
    const host = await steadyHost();
    host.fault = unavailable;
    await host.pass(20 * 60);
    host.fault = () => undefined;
    await host.pass(60);
    const { failed, recovered } = host.recorded;
    assert.ok(failed.length > 0 && failed.length <= WORKLOADS, `${failed.length}`);
    assert.equal(recovered.length, failed.length);
  });

  it("tells once more when what was in hand has ended, and of its end once, however long it lasts", async () => {
    const host = await steadyHost();
    host.fault = unavailable;
    await host.pass(3 * 3_600);
    host.fault = () => undefined;
    await host.pass(60);
    const { failed, recovered } = host.recorded;
    for (const i of numbered) {
      const own = failed.filter(({ grant }) => grant.roleName === `app-${i}`);
      assert.deepEqual(
        own.map(({ servedUntil }) => servedUntil !== undefined),
        [true, false],
        `app-${i}`,
      );
    }
    assert.equal(recovered.length, WORKLOADS);
  });
});

describe("clocks that are set", () => {
  for (const byMinutes of [61, -61]) {
    it(`by ${byMinutes} minutes: nobody is handed what has expired, and all is well within seconds`, async () => {
      const host = await steadyHost();
      host.time.setWallClock(byMinutes * MINUTE);
      await host.pass(5);
      const answers = await Promise.all(numbered.map((i) => host.ask(i)));
      assert.ok(answers.every((one) => one.kind === "served" && one.minutesLeft > 0));
      await host.pass(35 * 60);
      const later = await Promise.all(numbered.map((i) => host.ask(i)));
      assert.ok(later.every((one) => one.kind === "served" && one.minutesLeft >= 26));
    });
  }
});
