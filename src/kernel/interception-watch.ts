import { setTimeout as delay } from "node:timers/promises";
import { Bell } from "./bell.ts";
import { InterceptionError } from "./interception-error.ts";
import type { InterceptionStatus } from "./interception-status.ts";
import { type FollowLines, tellsOf } from "./nft-monitor.ts";
import type { NftTable } from "./nft-ruleset.ts";

export interface InterceptionWatchEvents {
  /** Something is missing or changed; mending begins now. */
  onDrift(status: InterceptionStatus): void;
  onMended(): void;
  /** An InterceptionError unless it is a bug. It is tried again after the usual interval. */
  onMendFailed(error: unknown): void;
}

interface Watched {
  readonly tables: readonly NftTable[];
  /** True for further lines of nft's monitor that are news. */
  readonly tells?: (line: string) => boolean;
  readonly check: () => Promise<InterceptionStatus>;
  readonly mend: () => Promise<void>;
}

interface WatchOptions {
  readonly events: InterceptionWatchEvents;
  readonly checkEveryMs: number;
  readonly follow: FollowLines;
  readonly signal: AbortSignal;
}

/** Between a mend and the next: two daemons that undo each other's rules must not fill a processor with it. */
const MEND_PAUSE_MS = 200;
const MONITOR_RESTART_MS = 100;
const MONITOR_RESTART_MAX_MS = 30_000;

export async function watchInterception(watched: Watched, options: WatchOptions): Promise<void> {
  const { checkEveryMs, signal } = options;
  const news = new Bell();
  const monitoring = followRuleset(watched, options, () => news.ring());
  while (!signal.aborted) {
    await news.wait(checkEveryMs, signal);
    if (!signal.aborted) await pause(await checkAndMend(watched, options), signal);
  }
  await monitoring;
}

/** Gives how long to wait, deaf to news, before the next check. */
async function checkAndMend({ check, mend }: Watched, { events, checkEveryMs }: WatchOptions): Promise<number> {
  try {
    const status = await check();
    if (status.isInPlace) return 0;
    events.onDrift(status);
    await mend();
    requireInPlace(await check());
    events.onMended();
    return MEND_PAUSE_MS;
  } catch (error) {
    events.onMendFailed(error);
    return checkEveryMs;
  }
}

/** Rules that are loaded and still look different would be loaded for ever: each load is news to the monitor. */
function requireInPlace({ isInPlace, parts }: InterceptionStatus): void {
  if (isInPlace) return;
  const wrong = parts.filter(({ state }) => state !== "present");
  throw new InterceptionError({
    kind: "not-mended",
    parts: wrong.map(({ name, state, differences }) => `${name} is ${[state, ...differences].join(": ")}`),
  });
}

/** Starts nft's monitor again whenever it ends, ever less often while it reports nothing. */
async function followRuleset(watched: Watched, { follow, signal }: WatchOptions, ring: () => void) {
  const filters = [...watched.tables.map(tellsOf), ...(watched.tells ? [watched.tells] : [])];
  let restartMs = MONITOR_RESTART_MS;
  while (!signal.aborted) {
    await follow(["nft", "monitor"], onLine, signal);
    await pause(restartMs, signal);
    restartMs = Math.min(restartMs * 2, MONITOR_RESTART_MAX_MS);
    ring(); // What changed in between was not reported.
  }

  function onLine(line: string): void {
    restartMs = MONITOR_RESTART_MS;
    if (filters.some((tells) => tells(line))) ring();
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  delay(ms, undefined, { signal }).catch(() => undefined);
