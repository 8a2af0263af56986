import { type AddressLookup, isRunning } from "./address-lookup.ts";
import type { BindingAudit } from "./binding-audit.ts";
import type { BindingIndex } from "./binding-index.ts";
import type { BindingSettler } from "./binding-settler.ts";
import type { ContainerDetails } from "./engine.ts";
import type { EvictionJournal } from "./eviction-journal.ts";
import type { FreshEngine } from "./fresh-engine.ts";

export interface ContainerReviewParts {
  readonly engine: FreshEngine;
  readonly lookup: AddressLookup;
  readonly index: BindingIndex;
  readonly journal: EvictionJournal;
  readonly settler: BindingSettler;
  readonly audit: BindingAudit;
  /** Looks at the networks, and settles what it finds. */
  readonly ask: (address: string) => Promise<unknown>;
  /** Told of the first process of each that runs, on whichever network. */
  readonly onRunning: (pid: number) => void;
}

/**
 * What an event says of a container is made sure of by one call about that container, however many others there are:
 * what it still has is confirmed, and what it has newly is bound before it asks. Only where that does not tell, because
 * another is known at the address or may be, the networks are looked at.
 */
export class ContainerReview {
  readonly #parts: ContainerReviewParts;

  constructor(parts: ContainerReviewParts) {
    this.#parts = parts;
  }

  /** What cannot be settled now is asked for by the next request. @throws EngineError */
  async review(containerId: string): Promise<void> {
    const { engine, index, journal, audit, onRunning } = this.#parts;
    this.#evictLost(containerId);
    const turn = journal.next();
    const container = await engine.container(containerId);
    if (container && isRunning(container)) onRunning(container.pid);
    if (container && container.guestOf === undefined && isRunning(container)) {
      const addresses = container.attachments.flatMap((attachment) => attachment.addresses);
      const reviews = addresses.map((address) => this.#reviewAddress(address, container, turn));
      await Promise.allSettled([...reviews, this.#reviewLabelled(container, turn)]);
    }
    await audit.confirm(index.ofContainer(containerId).filter((entry) => index.isInDoubt(entry)));
  }

  /** Before the look at what it has now, which an end that comes later would overtake. */
  #evictLost(containerId: string): void {
    const { index, settler } = this.#parts;
    const lost = index.ofContainer(containerId).filter(({ binding }) => !binding.isCurrentAndLinked());
    for (const entry of lost) settler.evict(entry);
  }

  async #reviewLabelled(container: ContainerDetails, turn: number): Promise<void> {
    const address = await this.#parts.lookup.labelledAddressOf(container);
    if (address !== undefined) await this.#reviewAddress(address, container, turn);
  }

  async #reviewAddress(address: string, container: ContainerDetails, turn: number): Promise<void> {
    const { index, journal, lookup, settler, ask } = this.#parts;
    const known = index.get(address);
    const isAnothers = known !== undefined && known.binding.workload.id !== container.id;
    if (isAnothers) known.doubtedAt = journal.next();
    const claim = isAnothers ? undefined : await lookup.claimOf(container, address);
    if (claim) await settler.settle({ kind: "owned", claim, container }, turn);
    else await ask(address);
  }
}
