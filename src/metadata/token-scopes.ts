import { type Workload, workloadKey } from "../core/workload.ts";

/** Whose role was taken, of those that this daemon has seen; what is kept of each is some hundred bytes. */
const MOST_LIVES = 10_000;

/**
 * What a metadata token is good for: one life of a workload, as long as it keeps its role. Known by its key: the same life is seen
 * as another workload at each of its addresses, and when it joins or leaves a network.
 */
export class TokenScopes {
  /** How often its role was taken from a life. Never forgotten alone: a token that ended would be good again. */
  readonly #taken = new Map<string, number>();
  /** How often all of them were forgotten, and with them the tokens of everybody: who has one asks for another. */
  #forgotten = 0;

  of(workload: Workload): string {
    const key = workloadKey(workload);
    const taken = this.#taken.get(key) ?? 0;
    return taken === 0 && this.#forgotten === 0 ? key : `${key}#${this.#forgotten}.${taken}`;
  }

  /** Tokens it was given until now are worth nothing from now on. */
  end(workload: Workload): void {
    const key = workloadKey(workload);
    if (this.#taken.size >= MOST_LIVES && !this.#taken.has(key)) {
      this.#taken.clear();
      this.#forgotten += 1;
    }
    this.#taken.set(key, (this.#taken.get(key) ?? 0) + 1);
  }
}
