import type { ProofLost, WatchedBinding } from "./docker-binding.ts";

/** Why a binding ended, for the operator. */
export type EvictionReason =
  | "the container ended"
  | "the container left the network"
  | "the network was removed"
  | ProofLost
  | "the Engine no longer gives it the address"
  | "no label gives it the address alone";

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
  readonly #byContainer = new Groups();
  readonly #byNetwork = new Groups();
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

  ofContainer(id: string): readonly IndexEntry[] {
    return this.#byContainer.get(id);
  }

  /** @param network an id, or with podman a name */
  onNetwork(network: string): readonly IndexEntry[] {
    return this.#byNetwork.get(network);
  }

  /** Looks at them all: for when the events were lost, not for each. */
  inDoubt(): readonly IndexEntry[] {
    return [...this.#byAddress.values()].filter((entry) => this.isInDoubt(entry));
  }

  /** Looks at them all: for when a network was made, not for each event. */
  labelled(): readonly IndexEntry[] {
    return [...this.#byAddress.values()].filter(({ binding }) => binding.isLabelled);
  }

  isInDoubt(entry: IndexEntry): boolean {
    return this.#byAddress.get(entry.binding.address) === entry && !this.#isTrusted(entry);
  }

  add(binding: WatchedBinding, turn: number): void {
    const entry: IndexEntry = { binding, confirmedAt: turn, doubtedAt: 0 };
    this.#byAddress.set(binding.address, entry);
    this.#byContainer.add(binding.workload.id, entry);
    for (const name of namesOf(binding)) this.#byNetwork.add(name, entry);
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
    for (const entry of this.#byAddress.values()) this.#remove(entry);
  }

  #remove(entry: IndexEntry): boolean {
    const { binding } = entry;
    if (this.#byAddress.get(binding.address) !== entry) return false;
    binding.end();
    this.#byContainer.delete(binding.workload.id, entry);
    for (const name of namesOf(binding)) this.#byNetwork.delete(name, entry);
    return this.#byAddress.delete(binding.address);
  }

  #isTrusted({ confirmedAt, doubtedAt }: IndexEntry): boolean {
    return confirmedAt > Math.max(doubtedAt, this.#allDoubtedAt);
  }
}

/** An event may name a network either way. */
const namesOf = ({ network }: WatchedBinding): ReadonlySet<string> => new Set([network.id, network.name]);

/** Entries by a name that several may share. */
class Groups {
  readonly #groups = new Map<string, Set<IndexEntry>>();

  get(name: string): readonly IndexEntry[] {
    return [...(this.#groups.get(name) ?? [])];
  }

  add(name: string, entry: IndexEntry): void {
    const group = this.#groups.get(name);
    if (group) group.add(entry);
    else this.#groups.set(name, new Set([entry]));
  }

  delete(name: string, entry: IndexEntry): void {
    const group = this.#groups.get(name);
    group?.delete(entry);
    if (group?.size === 0) this.#groups.delete(name);
  }
}
