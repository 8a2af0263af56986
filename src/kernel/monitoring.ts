import { setTimeout as delay } from "node:timers/promises";
import { Bell } from "./bell.ts";
import type { FollowLines, Monitor } from "./nft-monitor.ts";

/** A monitor does not say when it begins to listen. */
const START_MS = 1_000;
const RESTART_MS = 100;
const RESTART_MAX_MS = 30_000;

interface MonitoringOptions {
  readonly follow: FollowLines;
  readonly signal: AbortSignal;
}

/** Keeps monitors running, and rings for what they tell and for whatever they may have missed. */
export class Monitoring {
  readonly news = new Bell();
  readonly #options: MonitoringOptions;
  readonly #ended: Promise<unknown>;
  #silent = 0;

  constructor(monitors: readonly Monitor[], options: MonitoringOptions) {
    this.#options = options;
    this.#ended = Promise.all(monitors.map((monitor) => this.#keepRunning(monitor)));
  }

  /** False while one of them does not run: then nobody tells of what it should. */
  get isComplete(): boolean {
    return this.#silent === 0;
  }

  /** Resolves when aborted. */
  get ended(): Promise<unknown> {
    return this.#ended;
  }

  /** Starts it again whenever it ends, ever less often while it reports nothing. */
  async #keepRunning({ argv, tells }: Monitor): Promise<void> {
    const { follow, signal } = this.#options;
    let restartMs = RESTART_MS;
    const onLine = (line: string): void => {
      restartMs = RESTART_MS;
      if (tells(line)) this.news.ring();
    };
    while (!signal.aborted) {
      const listens = setTimeout(() => this.news.ring(), START_MS); // What changed until then was not told.
      await follow(argv, onLine, signal);
      clearTimeout(listens);
      this.#silent += 1;
      this.news.ring();
      await delay(restartMs, undefined, { signal }).catch(() => undefined);
      this.#silent -= 1;
      restartMs = Math.min(restartMs * 2, RESTART_MAX_MS);
    }
  }
}
