import { setTimeout as delay } from "node:timers/promises";
import { boundMs } from "../kit/backoff.ts";
import { InterceptionError } from "./interception-error.ts";
import type { CheckDepth, InterceptionStatus } from "./interception-status.ts";
import { Monitoring } from "./monitoring.ts";
import type { FollowLines, Monitor } from "./nft-monitor.ts";

export interface InterceptionWatchEvents {
  /** Something is missing or changed; mending begins now. */
  onDrift(status: InterceptionStatus): void;
  onMended(): void;
  /** An InterceptionError unless it is a bug. It is tried again soon, then ever less often. */
  onMendFailed(error: unknown): void;
}

interface Watched {
  readonly monitors: readonly Monitor[];
  readonly check: (depth: CheckDepth) => Promise<InterceptionStatus>;
  /** Calls back for news that no monitor has. */
  readonly listen?: (onNews: () => void, signal: AbortSignal) => void;
  readonly mend: () => Promise<void>;
}

interface WatchOptions {
  readonly events: InterceptionWatchEvents;
  readonly checkEveryMs: number;
  readonly follow: FollowLines;
  readonly signal: AbortSignal;
}

/**
 * Between two checks: someone who changes the rules all the time may not fill a processor with it. After a mend that
 * failed it doubles with each, up to the timer's interval: two daemons that undo each other's rules do not load them
 * in a loop, and whoever changed one more of them while they were mended has not left it so for long.
 */
const CHECK_PAUSE_MS = 200;
/** At most, while a monitor does not run. */
const DEAF_CHECK_EVERY_MS = 5_000;
/** So many brief checks, and then a whole one, in case that a monitor runs and hears nothing. */
const BRIEF_CHECKS = 3;

/**
 * What monitors tell of is checked at once, and whole. The timer is the net below them: it must cost next to nothing,
 * on a host with thousands of bindings too, so it mostly looks at the tables alone.
 */
export async function watchInterception(watched: Watched, options: WatchOptions): Promise<void> {
  const { checkEveryMs, signal } = options;
  const monitoring = new Monitoring(watched.monitors, options);
  const depths = new CheckDepths();
  const pauses = new Pauses();
  watched.listen?.(() => monitoring.news.ring(), signal);
  while (!signal.aborted) {
    const waitMs = monitoring.isComplete ? checkEveryMs : Math.min(checkEveryMs, DEAF_CHECK_EVERY_MS);
    const isNews = await monitoring.news.wait(waitMs, signal);
    if (signal.aborted) break;
    const isDone = await checkAndMend(watched, options, depths.next(isNews || !monitoring.isComplete));
    if (!isDone) monitoring.news.ring();
    await pause(pauses.next(isDone, waitMs), signal);
  }
  await monitoring.ended;
}

class CheckDepths {
  #briefChecksLeft = 0;

  next(isWholeDue: boolean): CheckDepth {
    const isWhole = isWholeDue || this.#briefChecksLeft === 0;
    this.#briefChecksLeft = isWhole ? BRIEF_CHECKS : this.#briefChecksLeft - 1;
    return isWhole ? "whole" : "brief";
  }
}

class Pauses {
  #failures = 0;

  next(isDone: boolean, waitMs: number): number {
    this.#failures = isDone ? 0 : this.#failures + 1;
    return isDone ? CHECK_PAUSE_MS : boundMs(this.#failures, CHECK_PAUSE_MS, waitMs);
  }
}

/** @returns false when it is to be tried again */
async function checkAndMend({ check, mend }: Watched, { events }: WatchOptions, depth: CheckDepth): Promise<boolean> {
  try {
    const status = await check(depth);
    if (status.isInPlace) return true;
    events.onDrift(status);
    await mend();
    requireInPlace(await check("whole"));
    events.onMended();
    return true;
  } catch (error) {
    events.onMendFailed(error);
    return false;
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

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  delay(ms, undefined, { signal }).catch(() => undefined);
