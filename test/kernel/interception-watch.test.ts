import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { HostFacts } from "../../src/kernel/host-facts.ts";
import { Interception } from "../../src/kernel/interception.ts";
import { InterceptionError } from "../../src/kernel/interception-error.ts";
import type { CheckDepth, InterceptionStatus, PartState } from "../../src/kernel/interception-status.ts";
import { watchInterception } from "../../src/kernel/interception-watch.ts";
import type { FollowLines } from "../../src/kernel/nft-monitor.ts";
import { hasMeans, Namespace, whyNoLab } from "./network-lab.ts";

const missingMeans = await whyNoLab();
const FIT: HostFacts = { isLinux: true, mayChangeNetwork: true, hasIpv6: true };
const NEVER_MS = 600_000;
/** News that never comes fails the test. */
const TIMELY = { timeout: 20_000 };

type News = { kind: "drift"; wrong: readonly string[] } | { kind: "mended" } | { kind: "failed"; error: unknown };

/** What the watch reports, to be waited for one by one. */
class Newspaper {
  readonly #news: News[] = [];
  #print: () => void = () => undefined;

  readonly events = {
    onDrift: ({ parts }: InterceptionStatus) =>
      this.#add({ kind: "drift", wrong: parts.filter((part) => part.state !== "present").map(({ name }) => name) }),
    onMended: () => this.#add({ kind: "mended" }),
    onMendFailed: (error: unknown) => this.#add({ kind: "failed", error }),
  };

  async next(): Promise<News> {
    while (this.#news.length === 0) await new Promise<void>((resolve) => (this.#print = resolve));
    return this.#news.shift() ?? assert.fail();
  }

  get isEmpty(): boolean {
    return this.#news.length === 0;
  }

  #add(news: News): void {
    this.#news.push(news);
    this.#print();
  }
}

interface Watching {
  readonly host: Namespace;
  readonly interception: Interception;
  readonly news: Newspaper;
}

async function watching(t: TestContext, options: { checkEveryMs: number; follow?: FollowLines }): Promise<Watching> {
  const host = await Namespace.open();
  const abort = new AbortController();
  const news = new Newspaper();
  const interception = new Interception({
    port: 9254,
    run: host.run,
    follow: host.follow,
    readHost: () => FIT,
    ...options,
  });
  await interception.up();
  const watch = interception.watch(news.events, abort.signal);
  t.after(async () => {
    abort.abort();
    await watch;
    host.close();
  });
  return { host, interception, news };
}

/** The monitors take a moment to start; after a second the watch looks for what was changed until then. */
const monitorsStart = () => delay(1_500);

test("whatever happens to the table is mended within a second, by the monitor's word alone", TIMELY, async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, interception, news } = await watching(t, { checkEveryMs: NEVER_MS });
  await monitorsStart();
  const losses = [
    "nft delete table inet taskrole",
    "nft flush ruleset",
    "nft flush chain inet taskrole deny",
    "nft insert rule inet taskrole daemon_port accept",
    "nft add chain inet taskrole early { type filter hook prerouting priority -200 ; }",
  ];
  for (const loss of losses) {
    const lostAt = performance.now();
    await host.must(loss);
    assert.equal((await news.next()).kind, "drift", loss);
    assert.equal((await news.next()).kind, "mended", loss);
    const tookMs = performance.now() - lostAt;
    assert.ok(tookMs < 1_000, `${loss}: ${tookMs} ms`);
    assert.ok((await interception.check()).isInPlace, loss);
  }
  assert.ok(news.isEmpty, "mending is not itself taken for a drift");
});

test("a lost routing rule is mended within a second, by its monitor's word alone", TIMELY, async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const { host, interception, news } = await watching(t, { checkEveryMs: NEVER_MS });
  await monitorsStart();
  const losses = [
    { loss: "ip rule del pref 91 to 169.254.169.254", wrong: "ip rule pref 91 to 169.254.169.254 prohibit" },
    { loss: "ip -6 rule del pref 90 to fd00:ec2::23", wrong: "ip -6 rule pref 90 iif lo to fd00:ec2::23 lookup main" },
  ];
  for (const { loss, wrong } of losses) {
    const lostAt = performance.now();
    await host.must(loss);
    assert.deepEqual(await news.next(), { kind: "drift", wrong: [wrong] });
    assert.deepEqual(await news.next(), { kind: "mended" });
    const tookMs = performance.now() - lostAt;
    assert.ok(tookMs < 1_000, `${loss}: ${tookMs} ms`);
  }
  assert.ok((await interception.check()).isInPlace);
});

for (const loss of ["ip rule del pref 91 to 169.254.169.254", "nft flush chain inet taskrole deny"]) {
  test(`what a monitor does not tell of, the timer finds: ${loss}`, TIMELY, async (t) => {
    if (!hasMeans(t, missingMeans)) return;
    const follow: FollowLines = (_argv, _onLine, signal) =>
      new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
    const { host, interception, news } = await watching(t, { checkEveryMs: 50, follow });
    await monitorsStart();
    await host.must(loss);
    assert.equal((await news.next()).kind, "drift");
    assert.deepEqual(await news.next(), { kind: "mended" });
    assert.ok((await interception.check()).isInPlace);
  });
}

test("what is lost before the monitors listen is found a second after their start", TIMELY, async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const follow: FollowLines = (_argv, _onLine, signal) =>
    new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
  const { host, news } = await watching(t, { checkEveryMs: NEVER_MS, follow });
  await host.must("nft flush ruleset");
  assert.equal((await news.next()).kind, "drift");
  assert.equal((await news.next()).kind, "mended");
});

test("the monitor is started again when it ends, and what it missed is looked for", TIMELY, async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  let starts = 0;
  const follow: FollowLines = async () => {
    starts += 1;
  };
  const { host, news } = await watching(t, { checkEveryMs: NEVER_MS, follow });
  await host.must("nft flush ruleset");
  assert.equal((await news.next()).kind, "drift");
  assert.equal((await news.next()).kind, "mended");
  assert.ok(starts >= 1);
});

test("other tables' changes cause no check", TIMELY, async (t) => {
  if (!hasMeans(t, missingMeans)) return;
  const host = await Namespace.open();
  t.after(() => host.close());
  const abort = new AbortController();
  let commands = 0;
  const run: typeof host.run = (argv, options) => {
    commands += 1;
    return host.run(argv, options);
  };
  const interception = new Interception({
    port: 9254,
    run,
    follow: host.follow,
    readHost: () => FIT,
    checkEveryMs: NEVER_MS,
  });
  await interception.up();
  const watch = interception.watch(new Newspaper().events, abort.signal);
  await monitorsStart();
  let before = -1;
  while (before !== commands) {
    before = commands; // the check for what was missed until the monitors listened may still be under way
    await delay(500);
  }
  for (let i = 0; i < 20; i += 1) await host.must(`nft add table ip other${i}`);
  await monitorsStart();
  assert.equal(commands, before);
  abort.abort();
  await watch;
});

const statusOf = (state: PartState): InterceptionStatus => ({
  isInPlace: state === "present",
  parts: [{ name: "chain inet taskrole deny", state, differences: [] }],
  bindings: [],
  counters: [],
  warnings: [],
});

interface MadeUpKernel {
  readonly check: (depth: CheckDepth) => PartState;
  readonly mend: () => Promise<void>;
  readonly checkEveryMs?: number;
  readonly follow?: FollowLines;
}

/** A watch over a made-up kernel, with a monitor that reports a change of our table whenever it is mended. */
function madeUp(t: TestContext, kernel: MadeUpKernel) {
  const { check, mend, checkEveryMs = 50, follow = tellsOfChanges } = kernel;
  const abort = new AbortController();
  const news = new Newspaper();
  let report: (line: string) => void = () => undefined;
  function tellsOfChanges(...[, onLine, signal]: Parameters<FollowLines>): Promise<void> {
    report = onLine;
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
  }
  const change = () => report("change");
  const watched = {
    monitors: [{ argv: ["made-up"], tells: (line: string) => line === "change" }],
    check: async (depth: CheckDepth) => statusOf(check(depth)),
    mend: () => mend().finally(change),
  };
  const done = watchInterception(watched, { events: news.events, checkEveryMs, follow, signal: abort.signal });
  const stop = async () => {
    abort.abort();
    await done;
  };
  t.after(stop);
  return { news, change, stop };
}

test("a mend that fails is reported and tried again", TIMELY, async (t) => {
  let tries = 0;
  const mend = async () => {
    tries += 1;
    if (tries === 1) throw new InterceptionError({ kind: "program-missing", program: "nft" });
  };
  const { news, change } = madeUp(t, { check: () => (tries >= 2 ? "present" : "absent"), mend });
  change();
  assert.equal((await news.next()).kind, "drift");
  const failed = await news.next();
  assert.ok(failed.kind === "failed" && failed.error instanceof InterceptionError);
  assert.equal((await news.next()).kind, "drift");
  assert.equal((await news.next()).kind, "mended");
});

test("what someone takes away while the rest is mended is mended next, long before the timer", TIMELY, async (t) => {
  const missing = new Set(["first"]);
  let mends = 0;
  const mend = async () => {
    missing.clear();
    mends += 1;
    if (mends === 1) missing.add("second");
  };
  const { news, change } = madeUp(t, {
    check: () => (missing.size === 0 ? "present" : "absent"),
    mend,
    checkEveryMs: NEVER_MS,
  });
  change();
  for (const kind of ["drift", "failed", "drift", "mended"]) assert.equal((await news.next()).kind, kind);
});

test("mends that go on failing are tried ever less often", TIMELY, async (t) => {
  const times: number[] = [];
  const { news, change } = madeUp(t, { check: () => "changed", mend: async () => {}, checkEveryMs: NEVER_MS });
  change();
  while (times.length < 4) {
    if ((await news.next()).kind === "failed") times.push(performance.now());
  }
  const [first = 0, second = 0, third = 0, fourth = 0] = times;
  assert.ok(second - first >= 190 && third - second >= 390 && fourth - third >= 790, times.join(" "));
});

test("a check that fails is reported, and the watch goes on", TIMELY, async (t) => {
  let checks = 0;
  const check = () => {
    checks += 1;
    if (checks === 1) throw new InterceptionError({ kind: "unreadable", command: "nft" });
    return checks === 2 ? "changed" : "present";
  };
  const { news } = madeUp(t, { check, mend: async () => undefined });
  assert.equal((await news.next()).kind, "failed");
  assert.equal((await news.next()).kind, "drift");
  assert.equal((await news.next()).kind, "mended");
});

test("rules that never look right are not loaded in a loop, though each load is news", TIMELY, async (t) => {
  let mends = 0;
  const { news, change } = madeUp(t, {
    check: () => "changed",
    mend: async () => {
      mends += 1;
    },
  });
  change();
  assert.equal((await news.next()).kind, "drift");
  const failed = await news.next();
  assert.ok(failed.kind === "failed" && failed.error instanceof InterceptionError);
  assert.match(failed.error.message, /^The packet rules were loaded again and still differ: chain .* is changed\.$/);
  await new Promise((resolve) => setTimeout(resolve, 220));
  assert.ok(mends <= 5, `${mends} loads in 5 intervals`);
});

test("what is lost again after each mend is mended five times a second at most", TIMELY, async (t) => {
  let isLost = true;
  const mend = async () => {
    isLost = false;
    setTimeout(() => {
      isLost = true;
      change();
    }, 10);
  };
  const { news, change } = madeUp(t, { check: () => (isLost ? "changed" : "present"), mend, checkEveryMs: NEVER_MS });
  change();
  const times: number[] = [];
  while (times.length < 4) {
    if ((await news.next()).kind === "mended") times.push(performance.now());
  }
  const pauses = times.slice(1).map((at, i) => at - (times[i] ?? 0));
  assert.ok(Math.min(...pauses) >= 190, pauses.join(" "));
});

test("of the timer's checks each fourth is whole; news is checked whole at once", TIMELY, async (t) => {
  const depths: CheckDepth[] = [];
  let onCheck = (): void => undefined;
  const { change, stop } = madeUp(t, {
    check: (depth) => {
      depths.push(depth);
      onCheck();
      return "present";
    },
    mend: async () => undefined,
    checkEveryMs: 1,
  });
  const nextChecks = async (count: number): Promise<readonly CheckDepth[]> => {
    depths.length = 0;
    await new Promise<void>((resolve) => {
      onCheck = () => depths.length === count && resolve();
    });
    return [...depths];
  };
  await monitorsStart();
  assert.equal((await nextChecks(4)).filter((depth) => depth === "whole").length, 1);
  for (const _ of [1, 2]) {
    change();
    assert.deepEqual(await nextChecks(1), ["whole"]);
  }
  await stop();
});

test("while a monitor does not run, every check is whole", TIMELY, async (t) => {
  const depths: CheckDepth[] = [];
  const asked = Promise.withResolvers<void>();
  const { stop } = madeUp(t, {
    check: (depth) => {
      if (depths.push(depth) === 5) asked.resolve();
      return "present";
    },
    mend: async () => undefined,
    checkEveryMs: 1,
    follow: async () => undefined,
  });
  await asked.promise;
  await stop();
  assert.deepEqual(new Set(depths), new Set(["whole"]));
});

test("an abort ends the watch at once, also while it waits", TIMELY, async (t) => {
  const { stop } = madeUp(t, {
    check: () => "present",
    mend: async () => undefined,
    checkEveryMs: NEVER_MS,
  });
  await stop();
});
