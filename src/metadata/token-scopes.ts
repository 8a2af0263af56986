import { type Workload, workloadKey } from "../core/workload.ts";

/** What a metadata token is good for: one life of a workload, as long as it keeps its role. */
export class TokenScopes {
  /** How often its role was taken from a workload. */
  readonly #taken = new WeakMap<Workload, number>();

  of(workload: Workload): string {
    const taken = this.#taken.get(workload) ?? 0;
    return taken === 0 ? workloadKey(workload) : `${workloadKey(workload)}#${taken}`;
  }

  /** Tokens it was given until now are worth nothing from now on. */
  end(workload: Workload): void {
    this.#taken.set(workload, (this.#taken.get(workload) ?? 0) + 1);
  }
}
