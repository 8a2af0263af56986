import type { ProofLost, WatchedBinding } from "./docker-binding.ts";

/** Why a binding ended, for the operator. */
export type EvictionReason =
  | "the container ended"
  | "the container left the network"
  | "the network was removed"
  | ProofLost
  | "the Engine no longer gives it the address";

export interface IndexEntry {
  readonly binding: WatchedBinding;
  /** Turn of the latest look that found it right. */
  confirmedAt: number;
  /** Turn of the latest event that may concern it. */
  doubtedAt: number;
}

/**
 * The bindings in force, by address. An entry is trusted, that is served without asking the Engine, while nothing
 * has happened since it was last confirmed that may concern it. All counts are turns of the {@link EvictionJournal}.
 */
export class BindingIndex {
  readonly #byAddress = new Map<string, IndexEntry>();
  readonly #onEvicted: (binding: WatchedBinding, reason: EvictionReason) => void;
  /** All entries are in doubt until confirmed after this turn; infinite while events may be missed. */
  #allDoubtedAt = Number.POSITIVE_INFINITY;

  constructor(onEvicted: (binding: WatchedBinding, reason: EvictionReason) => void) {
    this.#onEvicted = onEvicted;
  }

  get(address: string): IndexEntry | undefined {
    return this.#byAddress.get(address);
  }

  trusted(address: string): IndexEntry | undefined {
    const entry = this.#byAddress.get(address);
    return entry && this.#isTrusted(entry) ? entry : undefined;
  }

  all(): readonly IndexEntry[] {
    return [...this.#byAddress.values()];
  }

  inDoubt(): readonly IndexEntry[] {
    return this.all().filter((entry) => !this.#isTrusted(entry));
  }

  add(binding: WatchedBinding, turn: number): void {
    this.#byAddress.set(binding.address, { binding, confirmedAt: turn, doubtedAt: 0 });
  }

  confirm(entry: IndexEntry, turn: number): void {
    entry.confirmedAt = Math.max(entry.confirmedAt, turn);
  }

  /** Nothing is trusted until events are heard again. */
  distrust(): void {
    this.#allDoubtedAt = Number.POSITIVE_INFINITY;
  }

  /** What is confirmed after this turn is trusted. */
  trustAfter(turn: number): void {
    this.#allDoubtedAt = turn;
  }

  /** All of them end before anyone is told of the first. */
  evict(entries: readonly IndexEntry[], reason: EvictionReason): void {
    const evicted = entries.filter((entry) => this.#remove(entry));
    for (const { binding } of evicted) this.#onEvicted(binding, reason);
  }

  /** Ends all without telling: the daemon stops. */
  clear(): void {
    for (const { binding } of this.#byAddress.values()) binding.end();
    this.#byAddress.clear();
  }

  #remove(entry: IndexEntry): boolean {
    if (this.#byAddress.get(entry.binding.address) !== entry) return false;
    entry.binding.end();
    return this.#byAddress.delete(entry.binding.address);
  }

  #isTrusted({ confirmedAt, doubtedAt }: IndexEntry): boolean {
    return confirmedAt > Math.max(doubtedAt, this.#allDoubtedAt);
  }
}
