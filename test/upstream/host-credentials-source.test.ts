import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Refusal } from "../../src/core/failure.ts";
import type { HostCredentials } from "../../src/upstream/host-credentials.ts";
import { type HostCredentialsLoss, HostCredentialsSource } from "../../src/upstream/host-credentials-source.ts";
import { clock, MINUTE, refused, START } from "../support/workloads.ts";

const HOUR = 60 * MINUTE;

const set = (id: string, endsAt: number): HostCredentials => ({
  accessKeyId: id,
  secretAccessKey: "secret",
  sessionToken: "token",
  expiration: new Date(endsAt),
});

/** Why the metadata service gives nothing; or what it gives. */
type Upstream = () => Promise<HostCredentials>;
const down: Upstream = () =>
  Promise.reject(new Refusal({ kind: "upstream-unavailable", what: "w", reason: "no answer within 900 ms" }));

/** As EC2 does: sets of six hours, the next one an hour before the end of the last. */
const ec2 =
  (now: () => number): Upstream =>
  () => {
    const period = Math.floor((now() - START) / (5 * HOUR));
    return Promise.resolve(set(`ASIA${period}`, START + period * 5 * HOUR + 6 * HOUR));
  };

function bench(random = 0.5) {
  const time = clock();
  const told: string[] = [];
  const state = { reads: 0, upstream: ec2(time.now) };
  const loss =
    (what: string) =>
    ({ endsAt, error }: HostCredentialsLoss) => {
      const left = endsAt === undefined ? "none held" : `${Math.round((endsAt - time.now()) / MINUTE)} min left`;
      const { reason } = (error as Refusal).failure as { reason: string };
      told.push(`${what}, ${left}: ${reason}`);
    };
  const source = new HostCredentialsSource({
    read: () => {
      state.reads += 1;
      return state.upstream();
    },
    now: time.now,
    random: () => random,
    events: {
      lost: loss("lost"),
      ending: loss("ending"),
      ended: loss("ended"),
      back: (endsAt) => told.push(`back, ${Math.round((endsAt - time.now()) / MINUTE)} min left`),
    },
  });
  /** Lets the service's timer run; `each` sees every moment. */
  const pass = async (ms: number, each = async () => {}): Promise<void> => {
    for (const end = time.now() + ms; time.now() < end; time.turn(5_000)) {
      await source.keepFresh();
      await each();
    }
  };
  return { source, time, told, state, pass };
}

describe("the host's own credentials, held", () => {
  it("are read once for all who ask together, and given out from memory afterwards", async () => {
    const { source, state } = bench();
    const three = await Promise.all([source.get(), source.get(), source.get()]);
    await source.get();
    assert.deepEqual([new Set(three).size, state.reads], [1, 1]);
  });

  it("have more than five minutes left at every moment of two days, and cost a reading in five minutes", async () => {
    const { source, time, told, state, pass } = bench();
    await pass(48 * HOUR, async () => {
      const left = (await source.get()).expiration.getTime() - time.now();
      assert.ok(left > 5 * MINUTE, `${left / MINUTE} min`);
    });
    assert.deepEqual(told, []);
    assert.ok(state.reads > 500 && state.reads < 650, `${state.reads}`);
  });

  it("are renewed within a minute or so of the last moment at which EC2 has new ones", async () => {
    const { source, time, told, state, pass } = bench(0.3);
    const lastMoment = 5 * MINUTE + 1;
    state.upstream = () => {
      const ended = Math.floor((time.now() - START + lastMoment) / HOUR);
      return Promise.resolve(set(`ASIA${ended}`, START + (ended + 1) * HOUR));
    };
    await pass(6 * HOUR, async () => {
      const left = (await source.get()).expiration.getTime() - time.now();
      assert.ok(left > 3.5 * MINUTE, `${left / MINUTE} min`);
    });
    assert.deepEqual(told, []);
  });

  it("are those of an instance profile that was exchanged, within minutes", async () => {
    const { source, state, time, pass } = bench();
    await pass(MINUTE);
    state.upstream = () => Promise.resolve(set("ASIAOTHER", time.now() + HOUR));
    await pass(6 * MINUTE);
    assert.equal((await source.get()).accessKeyId, "ASIAOTHER");
  });

  it("are given out through an outage as long as they are valid, and not a moment longer", async () => {
    const { source, state, pass, time } = bench();
    await source.get();
    state.upstream = down;
    await pass(6 * HOUR - 5_000, async () => assert.equal((await source.get()).accessKeyId, "ASIA0"));
    time.turn(5_000);
    assert.equal((await refused(source.get())).kind, "upstream-unavailable");
  });

  it("are there again within half a minute of an outage's end", async () => {
    const { source, state, pass, time } = bench(0.99);
    state.upstream = down;
    await pass(HOUR);
    state.upstream = ec2(time.now);
    await pass(35_000);
    state.upstream = down;
    assert.equal((await source.get()).accessKeyId, "ASIA0");
  });

  it("are read afresh when STS takes them no longer, once for all who say so", async () => {
    const { source, state, time } = bench();
    const old = await source.get();
    time.turn(MINUTE);
    state.upstream = () => Promise.resolve(set("ASIANEW", time.now() + HOUR));
    const renewed = await Promise.all([source.get(old), source.get(old)]);
    assert.deepEqual(
      [...renewed, await source.get(old)].map(({ accessKeyId }) => accessKeyId),
      ["ASIANEW", "ASIANEW", "ASIANEW"],
    );
    assert.equal(state.reads, 2);
  });

  it("are not read more than once a second, whoever says that STS refuses them", async () => {
    const { source, state, time } = bench();
    const old = await source.get();
    for (let i = 0; i < 40; i += 1) {
      await source.get(old);
      time.turn(100);
    }
    assert.equal(state.reads, 4);
  });

  it("are asked for at most once a second of a service that gives none, however many need them", async () => {
    const { source, state, time } = bench();
    const reads = async (refusedOnes?: HostCredentials): Promise<number> => {
      const before = state.reads;
      for (let i = 0; i < 40; i += 1) {
        assert.equal((await refused(source.get(refusedOnes))).kind, "upstream-unavailable");
        time.turn(100);
      }
      return state.reads - before;
    };
    state.upstream = down;
    assert.equal(await reads(), 4, "there are none");
    state.upstream = ec2(time.now);
    const old = await source.get();
    time.turn(MINUTE);
    state.upstream = down;
    assert.equal(await reads(old), 4, "STS takes those in hand no longer");
    state.upstream = ec2(time.now);
    assert.equal((await source.get(old)).accessKeyId, "ASIA0", "and they are read as soon as that is over");
  });

  it("are read at once after the clock was set back", async () => {
    const { source, state, time } = bench();
    await source.keepFresh();
    time.turn(-HOUR);
    await source.keepFresh();
    assert.equal(state.reads, 2);
  });
});

describe("the loss of the host's own credentials", () => {
  const SILENT = "no answer within 900 ms";

  it("is told once when it begins, once near their end, once at it, and once when it is over", async () => {
    const { state, told, pass, time } = bench();
    await pass(MINUTE);
    state.upstream = down;
    await pass(7 * HOUR);
    state.upstream = ec2(time.now);
    await pass(MINUTE);
    assert.deepEqual(told, [
      `lost, 355 min left: ${SILENT}`,
      `ending, 5 min left: ${SILENT}`,
      `ended, 0 min left: ${SILENT}`,
      "back, 239 min left",
    ]);
  });

  it("is told again the next time", async () => {
    const { state, told, pass, time } = bench();
    for (let i = 0; i < 2; i += 1) {
      state.upstream = down;
      await pass(10 * MINUTE);
      state.upstream = ec2(time.now);
      await pass(10 * MINUTE);
    }
    assert.deepEqual(
      told.map((line) => line.split(",")[0]),
      ["lost", "back", "lost", "back"],
    );
  });

  it("is told when there were none from the start", async () => {
    const { state, told, pass } = bench();
    state.upstream = down;
    await pass(MINUTE);
    assert.deepEqual(told, [`lost, none held: ${SILENT}`]);
  });

  it("is told five minutes before their end where the service answers, but gives no new ones", async () => {
    const { state, told, pass } = bench();
    state.upstream = () => Promise.resolve(set("ASIAOLD", START + HOUR));
    await pass(2 * HOUR);
    assert.match(told[0] ?? "", /^ending, [45] min left: it still gives those that end at 2026-01-02T04:04:05.000Z/);
    assert.match(told[1] ?? "", /^ended, 0 min left: /);
    assert.equal(told.length, 2);
  });

  for (const [what, given, says] of [
    ["have ended already", set("A", START - 1), /^it gave credentials that ended at 2026-01-02T03:04:04.999Z; by this/],
    ["end at what is no date", set("A", Number.NaN), /^it gave credentials whose end is no date; by this host's clock/],
  ] as const) {
    it(`is where those it gives ${what}: what is held is kept`, async () => {
      const { source, state, told, pass } = bench();
      await pass(MINUTE);
      state.upstream = () => Promise.resolve(given);
      await pass(10 * MINUTE);
      assert.equal((await source.get()).accessKeyId, "ASIA0");
      assert.match(told[0]?.replace(/^lost, \d+ min left: /, "") ?? "", says);
    });
  }
});
