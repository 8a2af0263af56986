import type { EpochMs } from "../core/credentials.ts";

export interface RepeatGateOptions {
  readonly now: () => EpochMs;
  readonly repeatAfterMs: number;
}

interface Passed {
  readonly at: EpochMs;
  suppressed: number;
}

/** More keys than this at once are an attack of its own: then the oldest are forgotten. */
const MAX_KEYS = 10_000;

/** Lets the first of a kind through, and then one in a while, so that no workload can fill the operator's disk. */
export class RepeatGate {
  readonly #passed = new Map<string, Passed>();
  readonly #options: RepeatGateOptions;

  constructor(options: RepeatGateOptions) {
    this.#options = options;
  }

  /** @returns how many of the kind were held back since the last that passed, or undefined for one to hold back */
  pass(key: string): number | undefined {
    const now = this.#options.now();
    const last = this.#passed.get(key);
    if (last && now - last.at < this.#options.repeatAfterMs) {
      last.suppressed += 1;
      return undefined;
    }
    this.#passed.delete(key);
    this.#passed.set(key, { at: now, suppressed: 0 });
    this.#forgetOldest();
    return last?.suppressed ?? 0;
  }

  #forgetOldest(): void {
    if (this.#passed.size <= MAX_KEYS) return;
    const [oldest] = this.#passed.keys();
    if (oldest !== undefined) this.#passed.delete(oldest);
  }
}
