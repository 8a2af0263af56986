import { type AddressLookup, isRunning } from "./address-lookup.ts";
import type { BindingIndex, IndexEntry } from "./binding-index.ts";
import type { BindingSettler } from "./binding-settler.ts";
import type { EvictionJournal } from "./eviction-journal.ts";
import type { FreshEngine } from "./fresh-engine.ts";

export interface BindingAuditParts {
  readonly engine: FreshEngine;
  readonly lookup: Pick<AddressLookup, "look">;
  readonly index: BindingIndex;
  readonly journal: EvictionJournal;
  /** Of one that is found to live and to have its address. */
  readonly settler: Pick<BindingSettler, "confirm">;
}

/**
 * Compares bindings with what the Engine says now, and evicts what it no longer says. One call per network, and one
 * per container where its life is in question; a lookup under way at the same time shares those calls or comes after
 * them, so that no older answer can end what a newer one found. Throws EngineError; what was not reached stays as it was.
 */
export class BindingAudit {
  readonly #engine: FreshEngine;
  readonly #lookup: Pick<AddressLookup, "look">;
  readonly #index: BindingIndex;
  readonly #journal: EvictionJournal;
  readonly #settler: Pick<BindingSettler, "confirm">;

  constructor(parts: BindingAuditParts) {
    this.#engine = parts.engine;
    this.#lookup = parts.lookup;
    this.#index = parts.index;
    this.#journal = parts.journal;
    this.#settler = parts.settler;
  }

  /** Whether each still has its address, and is still the same life of its container; then it is trusted again. */
  async confirm(entries: readonly IndexEntry[]): Promise<void> {
    const turn = this.#journal.next();
    const { labelled = [], given = [] } = Object.groupBy(entries, ({ binding }) =>
      binding.isLabelled ? "labelled" : "given",
    );
    await Promise.all([this.#confirmGiven(given, turn), ...labelled.map((one) => this.#confirmLabelled(one, turn))]);
  }

  async #confirmGiven(entries: readonly IndexEntry[], turn: number): Promise<void> {
    const holding = await this.#checkAddresses(entries);
    await Promise.all(holding.map((entry) => this.#confirmLife(entry, turn)));
  }

  /** @returns those whose network still gives them their address, and nobody else */
  async #checkAddresses(entries: readonly IndexEntry[]): Promise<readonly IndexEntry[]> {
    const byNetwork = Map.groupBy(entries, ({ binding }) => binding.network.id);
    const holding = await Promise.all([...byNetwork].map(([id, ofNetwork]) => this.#checkNetwork(id, ofNetwork)));
    return holding.flat();
  }

  async #checkNetwork(id: string, entries: readonly IndexEntry[]): Promise<readonly IndexEntry[]> {
    const network = await this.#engine.network(id);
    const isHolding = ({ binding }: IndexEntry): boolean =>
      network?.soleHolderOf(binding.address) === binding.workload.id;
    const answers = Map.groupBy(entries, isHolding);
    this.#index.evict(answers.get(false) ?? [], "the Engine no longer gives it the address");
    return answers.get(true) ?? [];
  }

  /** No network lists it, so that it is looked for as a request would be. */
  async #confirmLabelled(entry: IndexEntry, turn: number): Promise<void> {
    const { binding } = entry;
    const sighting = await this.#lookup.look(binding.address);
    if (sighting.kind === "owned" && binding.isFor(sighting.claim, sighting.container))
      this.#settler.confirm(entry, sighting.container, turn);
    else this.#index.evict([entry], "no label gives it the address alone");
  }

  async #confirmLife(entry: IndexEntry, turn: number): Promise<void> {
    const { binding } = entry;
    const container = await this.#engine.container(binding.workload.id);
    if (container && isRunning(container) && binding.isOfLife(container)) this.#settler.confirm(entry, container, turn);
    else this.#index.evict([entry], "the container ended");
  }
}
