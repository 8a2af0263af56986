import type { AddressOwner, Enforce, Enforcement } from "../broker/address-enforcement.ts";
import { SingleFlight } from "../kit/single-flight.ts";
import type { BindingProof, WatchProcess } from "./docker-binding.ts";

export interface AddressGuardParts {
  readonly watchProcess: WatchProcess;
  /** Undefined where nothing enforces addresses. */
  readonly enforce: Enforce | undefined;
}

/** The container that a guard ties an address to. */
export interface GuardedContainer extends AddressOwner {
  readonly containerId: string;
  readonly startedAt: string;
}

/** What a binding stands on besides the Engine's word: a process that lives, and an address that is its alone. */
export class AddressGuard {
  readonly #parts: AddressGuardParts;
  readonly #flights = new SingleFlight<string, BindingProof>();

  constructor(parts: AddressGuardParts) {
    this.#parts = parts;
  }

  /**
   * One proof at a time for each life of a container at an address: a second one would end the first.
   *
   * @throws when the address cannot be tied to the container
   */
  prove(container: GuardedContainer): Promise<BindingProof> {
    const { address, containerId, startedAt } = container;
    return this.#flights.run(`${address} ${containerId} ${startedAt}`, () => this.#prove(container));
  }

  /** The process is watched first, so that the number by which its link is found is that process's all the while. */
  async #prove({ containerId, ...owner }: GuardedContainer): Promise<BindingProof> {
    const watch = this.#parts.watchProcess(owner.pid, containerId);
    try {
      const enforcement: Promise<Enforcement> | undefined = this.#parts.enforce?.(owner);
      return { watch, enforcement: await enforcement };
    } catch (error) {
      watch?.close();
      throw error;
    }
  }
}
