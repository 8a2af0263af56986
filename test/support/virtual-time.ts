import { START } from "./workloads.ts";

interface Alarm {
  readonly at: number;
  readonly ring: () => void;
}

/** Promises that are already settled are heard before the clock goes on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Hours in a moment: two clocks and the timers on them. `uptime` goes on by itself alone; `now` can be set, as a host's
 * clock is. Whatever is due at one time rings in the order it was set.
 */
export class VirtualTime {
  readonly #alarms: Alarm[] = [];
  #uptime = 0;
  #wallOffset = START;

  readonly now = (): number => Math.floor(this.#wallOffset + this.#uptime);
  readonly uptime = (): number => this.#uptime;

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const alarm = { at: this.#uptime + ms, ring: resolve };
      const place = this.#alarms.findIndex(({ at }) => at > alarm.at);
      this.#alarms.splice(place === -1 ? this.#alarms.length : place, 0, alarm);
      signal?.addEventListener("abort", () => {
        const index = this.#alarms.indexOf(alarm);
        if (index !== -1) this.#alarms.splice(index, 1);
        reject(signal.reason);
      });
    });

  /** The host's clock is set: `now` jumps, nothing else. */
  setWallClock(byMs: number): void {
    this.#wallOffset += byMs;
  }

  async pass(ms: number): Promise<void> {
    const end = this.#uptime + ms;
    await settle();
    for (let next = this.#alarms[0]; next && next.at <= end; next = this.#alarms[0]) {
      this.#alarms.shift();
      this.#uptime = next.at;
      next.ring();
      await settle();
    }
    this.#uptime = end;
    await settle();
  }
}
