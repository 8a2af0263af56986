/** Runs a task once for all who ask for the same key while it is under way. */
export class SingleFlight<K, V> {
  readonly #flights = new Map<K, Promise<V>>();

  /** A flight belongs to no one caller, so a task must not listen to one caller's AbortSignal. */
  run(key: K, task: () => Promise<V>): Promise<V> {
    const existing = this.#flights.get(key);
    if (existing !== undefined) return existing;
    const flight = (async () => task())().finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return flight;
  }

  isUnderWay(key: K): boolean {
    return this.#flights.has(key);
  }
}
