import { Refusal } from "../core/failure.ts";
import type { Workload } from "../core/workload.ts";
import type { AddressGuard } from "./address-guard.ts";
import type { OwnedSighting, Sighting } from "./address-lookup.ts";
import type { BindingIndex, IndexEntry } from "./binding-index.ts";
import { type DockerBinding, WatchedBinding } from "./docker-binding.ts";
import type { ContainerDetails } from "./engine.ts";
import { type EvictionJournal, networksOf, SOME_NETWORK } from "./eviction-journal.ts";

export interface BindingSettlerParts {
  readonly index: BindingIndex;
  readonly journal: EvictionJournal;
  readonly guard: AddressGuard;
  readonly toWorkload: (container: ContainerDetails) => Workload;
  readonly onBound: (binding: DockerBinding) => void;
}

/**
 * Makes of what was seen at an address what is believed of it: a binding confirmed, replaced, ended or made. What an
 * event overtook meanwhile settles nothing, since an eviction must not be undone by what was known before it. Each
 * `turn` is the {@link EvictionJournal}'s, taken before the look.
 */
export class BindingSettler {
  readonly #parts: BindingSettlerParts;

  constructor(parts: BindingSettlerParts) {
    this.#parts = parts;
  }

  /** @returns undefined when it is worth looking again, or nobody's. @throws Refusal `contested-peer` */
  async apply(address: string, sighting: Sighting, turn: number): Promise<WatchedBinding | undefined> {
    if (sighting.kind === "owned") return await this.settle(sighting, turn);
    const known = this.#parts.index.get(address);
    if (known) this.#replace(known, turn);
    if (sighting.kind !== "contested") return undefined;
    this.#parts.journal.note(address);
    throw new Refusal({ kind: "contested-peer", address, claimants: sighting.claimants });
  }

  /** @returns undefined when it is worth looking again. */
  async settle(sighting: OwnedSighting, turn: number): Promise<WatchedBinding | undefined> {
    const { claim, container } = sighting;
    if (this.#isOvertaken(sighting, turn)) return undefined;
    const known = this.#parts.index.get(claim.address);
    if (known?.binding.isCurrent() && known.binding.isFor(claim, container))
      return this.confirm(known, container, turn) ? known.binding : undefined;
    return !known || this.#replace(known, turn) ? await this.#bind(sighting, turn) : undefined;
  }

  /**
   * The same life at the same address. On other networks than before it is judged anew; nothing of it ends by that.
   *
   * @returns false when a look begun later saw other networks: then that one is right, and this one is old
   */
  confirm(known: IndexEntry, container: ContainerDetails, turn: number): boolean {
    const { index, toWorkload, onBound } = this.#parts;
    const { binding } = known;
    const isOnSame = binding.isOnSameNetworks(container);
    if (!isOnSame && known.confirmedAt > turn) return false;
    if (!isOnSame) binding.seeAs(toWorkload(container));
    index.confirm(known, turn);
    if (!isOnSame) onBound(binding);
    return true;
  }

  /** Ends it for what it has lost by now, or because the Engine says otherwise. */
  evict(entry: IndexEntry): void {
    entry.binding.isCurrent(); // notices what it has lost
    this.#parts.index.evict([entry], entry.binding.lost ?? "the Engine no longer gives it the address");
  }

  /** False when a look begun later has confirmed it: then that one is right, and this one is old. */
  #replace(known: IndexEntry, turn: number): boolean {
    if (known.confirmedAt > turn) return false;
    this.evict(known);
    return true;
  }

  /** What was known before the kernel answered may be overtaken by the time it has. */
  async #bind(sighting: OwnedSighting, turn: number): Promise<WatchedBinding | undefined> {
    const { claim, container } = sighting;
    const { index, guard, toWorkload, onBound } = this.#parts;
    const proof = await guard.prove({
      address: claim.address,
      macAddress: claim.member.macAddress,
      name: `${container.name} (${container.id.slice(0, 12)})`,
      pid: container.pid,
      containerId: container.id,
      startedAt: container.startedAt,
    });
    const known = index.get(claim.address);
    if (known?.binding.standsOn(proof)) return known.binding.isCurrent() ? known.binding : undefined;
    const binding = new WatchedBinding(claim, toWorkload(container), proof);
    if (known || !binding.isCurrent() || this.#isOvertaken(sighting, turn)) {
      binding.end();
      return undefined;
    }
    index.add(binding, turn);
    this.#doubtNetworks(claim.address, container.id, turn);
    onBound(binding);
    return binding;
  }

  /** Whoever asked is served as it was seen; the next request asks anew. */
  #doubtNetworks(address: string, containerId: string, turn: number): void {
    const { index, journal } = this.#parts;
    const entry = index.get(address);
    if (entry && journal.hasNoteSince(turn, [networksOf(containerId)])) entry.doubtedAt = journal.next();
  }

  #isOvertaken({ claim, container }: OwnedSighting, turn: number): boolean {
    const ofLabel = claim.isLabelled ? [claim.address, SOME_NETWORK] : [];
    return this.#parts.journal.hasNoteSince(turn, [container.id, claim.network.id, ...ofLabel]);
  }
}
