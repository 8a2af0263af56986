/** More than a lookup of seconds will ever see; a flood beyond it makes the lookups under way look again. */
const MAX_NOTES = 4096;

/** Noted when a network is made, whose addresses labels can give no more. */
export const SOME_NETWORK = "some network";

/** Noted when a container joins a network: what was seen of it before is of other networks. */
export const networksOf = (containerId: string): string => `${containerId} networks`;

/**
 * Puts looks and evictions in one order, by counting turns, so that a look begun before an eviction is known for it.
 * (A clock would not do: two things happen in one millisecond, and clocks are set.)
 */
export class EvictionJournal {
  readonly #notedAt = new Map<string, number>();
  #turn = 0;
  /** Notes up to this turn have been dropped. */
  #droppedUntil = 0;

  /** A new turn, later than all before. */
  next(): number {
    this.#turn += 1;
    return this.#turn;
  }

  /** @param id of a container or a network that has, or may have, lost an address; an address that several claim; {@link networksOf} */
  note(id: string): void {
    if (this.#notedAt.size >= MAX_NOTES) this.#drop();
    this.#notedAt.set(id, this.next());
  }

  hasNoteSince(turn: number, ids: readonly string[]): boolean {
    return this.#droppedUntil > turn || ids.some((id) => (this.#notedAt.get(id) ?? 0) > turn);
  }

  #drop(): void {
    this.#notedAt.clear();
    this.#droppedUntil = this.next();
  }
}
