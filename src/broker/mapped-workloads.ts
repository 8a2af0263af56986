import type { Workload } from "../core/workload.ts";
import type { Binding, WorkloadResolver } from "./workload-resolver.ts";

/** The operator's word on who has which address. */
export interface RoleMap {
  /** Equal in id and startedAt for as long as what is written of the address stays the same. */
  workloadAt(address: string): Workload | undefined;
}

/** Which addresses are of an engine's networks: of those it alone says who has them, whatever the map says. */
export interface EngineNetworks {
  /** By what is known and kept up to date; asked for where nothing is. */
  contains(address: string): Promise<boolean>;
  /** Asked for now. */
  containsNow(address: string): Promise<boolean>;
}

export interface MappedWorkloadsOptions {
  readonly networks: EngineNetworks;
  readonly onBegan: (binding: Binding) => void;
  /** At once when it ends: the address is another's. */
  readonly onEnded: (binding: Binding) => void;
  /** It is no longer given to anybody, and requests that have it may finish by it: the address is whose it was. */
  readonly onLetGo: (binding: Binding) => void;
}

/** A range of the map may hold more addresses than a host has neighbours: whoever has not asked for longest is forgotten. */
const MOST_BINDINGS = 4_096;

/**
 * Workloads that no engine knows (virtual machines, LXC, nested networks), by the operator's map of addresses. What says who has
 * an address is that map, and the network: the interception takes an address only from where the host would answer it.
 */
export class MappedWorkloads implements WorkloadResolver {
  readonly source = "map";
  readonly #options: MappedWorkloadsOptions;
  /** Who asked last is last. */
  readonly #bindings = new Map<string, MappedBinding>();
  #map: RoleMap = { workloadAt: () => undefined };

  constructor(options: MappedWorkloadsOptions) {
    this.#options = options;
  }

  async resolve({ address }: { readonly address: string }): Promise<Binding | undefined> {
    const known = this.#bindings.get(address);
    if (!known && !this.#map.workloadAt(address)) return undefined;
    const { networks } = this.#options;
    if (await (known ? networks.contains(address) : networks.containsNow(address))) {
      this.#endAt(address);
      return undefined;
    }
    return this.#bindingAt(address); // the map may have been replaced meanwhile
  }

  /** From the next request on this map counts: who is another in it, or nobody, is so then. */
  replace(map: RoleMap): void {
    this.#map = map;
    for (const binding of [...this.#bindings.values()])
      if (map.workloadAt(binding.address)?.startedAt !== binding.workload.startedAt) this.#letGo(binding);
  }

  #bindingAt(address: string): Binding | undefined {
    const known = this.#bindings.get(address);
    if (!known) return this.#begin(address);
    this.#bindings.delete(address);
    this.#bindings.set(address, known);
    return known;
  }

  #begin(address: string): Binding | undefined {
    const workload = this.#map.workloadAt(address);
    if (!workload) return undefined;
    const binding = new MappedBinding(address, workload);
    this.#bindings.set(address, binding);
    const [longestSilent] = this.#bindings.size > MOST_BINDINGS ? this.#bindings.values() : [];
    if (longestSilent) this.#letGo(longestSilent);
    this.#options.onBegan(binding);
    return binding;
  }

  #letGo(binding: MappedBinding): void {
    this.#bindings.delete(binding.address);
    this.#options.onLetGo(binding);
  }

  #endAt(address: string): void {
    const binding = this.#bindings.get(address);
    if (!binding) return;
    this.#bindings.delete(address);
    binding.end();
    this.#options.onEnded(binding);
  }
}

class MappedBinding implements Binding {
  readonly address: string;
  readonly workload: Workload;
  #hasEnded = false;

  constructor(address: string, workload: Workload) {
    this.address = address;
    this.workload = workload;
  }

  isCurrent(): boolean {
    return !this.#hasEnded;
  }

  end(): void {
    this.#hasEnded = true;
  }
}
