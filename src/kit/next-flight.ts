interface Flights<V> {
  current: Promise<V>;
  next?: Promise<V>;
}

/**
 * One call at a time per key, and no caller ever gets the answer to a call sent before it came: whoever comes while a
 * call is under way shares the *next* one, which is sent when that one is over.
 *
 * An ordinary single flight would be wrong here. The call under way may have been answered, on the far side, a moment
 * before an address changed hands; the new owner's first request would join it and be taken for the old owner. With
 * this, an answer is never older than any question it settles, and a thousand waiting callers still cost one call.
 */
export class NextFlight<V> {
  readonly #flights = new Map<string, Flights<V>>();

  /** A flight belongs to no one caller, so a task must not listen to one caller's AbortSignal. */
  run(key: string, task: () => Promise<V>): Promise<V> {
    const flights = this.#flights.get(key);
    if (!flights) return this.#take(key, task);
    flights.next ??= flights.current.then(
      () => this.#take(key, task),
      () => this.#take(key, task),
    );
    return flights.next;
  }

  #take(key: string, task: () => Promise<V>): Promise<V> {
    const flights: Flights<V> = { current: (async () => task())() };
    this.#flights.set(key, flights);
    const land = (): void => {
      if (!flights.next) this.#flights.delete(key);
    };
    flights.current.then(land, land);
    return flights.current;
  }
}
