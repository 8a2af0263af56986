/**
 * Time counted in sweeps of one timer that all connections share, for deadlines: setting one costs an addition, a
 * connection needs no timer of its own, a step of the system's clock closes nothing, and a process that was held up
 * does not blame its clients.
 */
export class SweepClock {
  readonly everyMs: number;
  #sweeps = 0;

  constructor(everyMs: number) {
    this.everyMs = everyMs;
  }

  get sweeps(): number {
    return this.#sweeps;
  }

  advance(): void {
    this.#sweeps += 1;
  }

  /** The sweep before which at least so much time passes, and at most two sweeps more. */
  after(ms: number): number {
    return this.#sweeps + 1 + Math.ceil(ms / this.everyMs);
  }
}
