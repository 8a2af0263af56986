export interface PaceOptions {
  /** Starts per second in the long run. */
  readonly perSecond: number;
  /** Starts at once after a rest. */
  readonly burst: number;
  /** What slowing down never goes below. */
  readonly slowestPerSecond: number;
  /** From a standstill to `perSecond` again, when nobody asks to slow down any more. */
  readonly recoverMs: number;
}

/**
 * How fast something may be asked: a token bucket whose rate halves when the far side has had enough and grows again
 * by itself. Times are milliseconds of one clock that never goes back.
 */
export class Pace {
  readonly #options: PaceOptions;
  #tokens: number;
  #filledAt = 0;
  /** As it was when last slowed down. */
  #perSecond: number;
  #slowedAt = Number.NEGATIVE_INFINITY;
  #pausedUntil = 0;
  /** Since when the far side is the one it is. */
  #since = Number.NEGATIVE_INFINITY;

  constructor(options: PaceOptions) {
    this.#options = options;
    this.#tokens = options.burst;
    this.#perSecond = options.perSecond;
  }

  /** Until the next may start: 0 for now. */
  waitMs(at: number): number {
    this.#fill(at);
    if (at < this.#pausedUntil) return Math.ceil(this.#pausedUntil - at);
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) * 1000) / this.#rateAt(at));
  }

  /** One has started: also one that did not wait, which those after it then wait for the longer. */
  take(at: number): void {
    this.#fill(at);
    this.#tokens -= 1;
  }

  /**
   * The far side has had enough.
   *
   * @param startedAt when what was turned away had started: of many that were under way together the first counts alone
   * @param pauseMs nothing starts before that is over
   */
  slowDown(at: number, startedAt: number, pauseMs = 0): void {
    if (startedAt < this.#since) return;
    this.#pausedUntil = Math.max(this.#pausedUntil, at + pauseMs);
    if (startedAt < this.#slowedAt) return;
    this.#fill(at);
    this.#perSecond = Math.max(this.#options.slowestPerSecond, this.#rateAt(at) / 2);
    this.#slowedAt = at;
    this.#tokens = 0;
  }

  /** There is another far side from now on; what the former one still turns away counts no more. */
  startAfresh(at: number): void {
    this.#since = at;
    this.#slowedAt = Number.NEGATIVE_INFINITY;
    this.#pausedUntil = 0;
    this.#perSecond = this.#options.perSecond;
    this.#tokens = this.#options.burst;
    this.#filledAt = at;
  }

  #rateAt(at: number): number {
    const { perSecond, recoverMs } = this.#options;
    return Math.min(perSecond, this.#perSecond + (perSecond * (at - this.#slowedAt)) / recoverMs);
  }

  #fill(at: number): void {
    const { burst, perSecond } = this.#options;
    const rate = this.#rateAt(at);
    const room = Math.max(1, (burst * rate) / perSecond);
    this.#tokens = Math.min(room, this.#tokens + ((at - this.#filledAt) * rate) / 1000);
    this.#filledAt = at;
  }
}
