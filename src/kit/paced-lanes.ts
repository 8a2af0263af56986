import type { Sleep } from "./deadline.ts";
import type { Pace } from "./pace.ts";

export interface PacedLanesOptions<Lane extends string> {
  /** The first goes first, always: one who waits in it is never behind one of another. */
  readonly lanes: readonly [Lane, ...Lane[]];
  readonly pace: Pace;
  /** How many may be under way together. */
  readonly atOnce: number;
  /** Milliseconds of a clock that never goes back. */
  readonly uptime: () => number;
  readonly sleep: Sleep;
}

interface Waiting {
  readonly start: () => void;
  readonly giveUp: (reason: Error) => void;
}

/** Runs tasks no faster than a {@link Pace} allows; in each lane first come, first served. */
export class PacedLanes<Lane extends string> {
  readonly #options: PacedLanesOptions<Lane>;
  readonly #queues: ReadonlyMap<Lane, Map<string, Waiting>>;
  #running = 0;
  #alarm: AbortController | undefined;

  constructor(options: PacedLanesOptions<Lane>) {
    this.#options = options;
    this.#queues = new Map(options.lanes.map((lane) => [lane, new Map()]));
  }

  /** @param key names the task while it waits; of each key one may be under way */
  async run<V>(key: string, lane: Lane, task: () => Promise<V>): Promise<V> {
    await new Promise<void>((start, giveUp) => {
      this.#queues.get(lane)?.set(key, { start, giveUp });
      this.#advance();
    });
    try {
      return await task();
    } finally {
      this.#running -= 1;
      this.#advance();
    }
  }

  /** Moves a task that still waits to the end of the first lane; nothing to it when it is there, or runs. */
  hurry(key: string): void {
    const [first, ...others] = this.#queues.values();
    for (const queue of others) {
      const waiting = queue.get(key);
      if (waiting && queue.delete(key)) first?.set(key, waiting);
    }
  }

  /** Takes a task out of a lane where it still waits: it fails with this reason, and was never begun. */
  drop(key: string, lane: Lane, reason: Error): void {
    const queue = this.#queues.get(lane);
    const waiting = queue?.get(key);
    queue?.delete(key);
    waiting?.giveUp(reason);
  }

  /** The pace has become faster than it was foreseen: nobody waits for what it was. */
  hasten(): void {
    this.#alarm?.abort();
  }

  #advance(): void {
    const { pace, atOnce, uptime } = this.#options;
    while (this.#running < atOnce) {
      const queue = [...this.#queues.values()].find(({ size }) => size > 0);
      if (!queue) return;
      const waitMs = pace.waitMs(uptime());
      if (waitMs > 0) {
        this.#advanceIn(waitMs);
        return;
      }
      pace.take(uptime());
      this.#startNextOf(queue);
    }
  }

  #startNextOf(queue: Map<string, Waiting>): void {
    const [next] = queue;
    if (!next) return;
    const [key, { start }] = next;
    queue.delete(key);
    this.#running += 1;
    start();
  }

  #advanceIn(ms: number): void {
    if (this.#alarm) return;
    this.#alarm = new AbortController();
    const ring = (): void => {
      this.#alarm = undefined;
      this.#advance();
    };
    this.#options.sleep(ms, this.#alarm.signal).then(ring, ring);
  }
}
