import type { ConnectionOwner, FindConnectionOwner } from "../broker/connection-owner.ts";
import type { WorkloadResolver } from "../broker/workload-resolver.ts";
import { Refusal } from "../core/failure.ts";
import type { Peer } from "../core/peer.ts";
import { AtMost } from "../kit/at-most.ts";
import type { Sleep } from "../kit/deadline.ts";
import { SingleFlight } from "../kit/single-flight.ts";
import { isRunning } from "./address-lookup.ts";
import type { ContainerDialect } from "./container-dialect.ts";
import type { WatchProcess } from "./docker-binding.ts";
import type { ContainerDetails, Engine } from "./engine.ts";
import { EngineError } from "./engine-error.ts";
import { FreshEngine } from "./fresh-engine.ts";
import { HostNetworkBinding } from "./host-network-binding.ts";
import { cannotTell } from "./unidentified.ts";
import { workloadOf } from "./workload-claims.ts";

export interface HostNetworkOptions {
  readonly engine: Engine;
  /** Without it taskrole's own words are read alone. */
  readonly dialect?: ContainerDialect;
  readonly findOwner: FindConnectionOwner;
  readonly watchProcess: WatchProcess;
  readonly sleep: Sleep;
  /** refuse: nobody is served; identify: each container is itself. */
  readonly mode: "refuse" | "identify";
}

/** Each look runs a program; many at once would take the processor from the other workloads. */
const MAX_LOOKS = 4;
/** Between looks at a container that asks before its engine says that it runs: 3 s in all. */
const PAUSES_MS = [25, 50, 100, 200, 400, 800, 1_425];

/**
 * Containers on the host's own network. All of them have its addresses, so each request's connection is looked up by
 * itself: the socket at its other end says which container made it. What is remembered is the container, never the peer.
 */
export class HostNetworkWorkloads implements WorkloadResolver {
  readonly source = "host-network";
  readonly #options: HostNetworkOptions;
  readonly #engine: FreshEngine;
  readonly #looks = new AtMost(MAX_LOOKS);
  /** By container and address. */
  readonly #bindings = new Map<string, HostNetworkBinding>();
  readonly #flights = new SingleFlight<string, HostNetworkBinding>();

  constructor(options: HostNetworkOptions) {
    this.#options = options;
    this.#engine = new FreshEngine(options.engine);
  }

  /** Whoever comes over the loopback was redirected there, and is none of any other source's. */
  async resolve(peer: Peer): Promise<HostNetworkBinding | undefined> {
    if (!peer.isOnThisHost) return undefined;
    const owner = await this.#looks.run(() => this.#options.findOwner(peer));
    if (this.#options.mode === "refuse") throw await this.#refusal(peer, owner);
    if (owner.kind === "nobody-known") throw unknownConnection(peer, owner.reason);
    return this.#known(owner.containerId, peer.address) ?? (await this.#bind(owner.containerId, peer.address));
  }

  /** Names the container for the operator where that can be done; it is refused in any case. */
  async #refusal({ address }: Peer, owner: ConnectionOwner): Promise<Refusal> {
    if (owner.kind === "nobody-known") return new Refusal({ kind: "host-network-refused", address });
    const container = await this.#engine.container(owner.containerId).catch(() => undefined);
    return new Refusal({ kind: "host-network-refused", address, workload: nameOf(owner.containerId, container) });
  }

  #known(containerId: string, address: string): HostNetworkBinding | undefined {
    const binding = this.#bindings.get(keyOf(containerId, address));
    return binding?.isCurrent() ? binding : undefined;
  }

  #bind(containerId: string, address: string): Promise<HostNetworkBinding> {
    return this.#flights.run(keyOf(containerId, address), async () => {
      const container = await this.#running(containerId, address);
      const watch = this.#options.watchProcess(container.pid, containerId);
      if (!watch)
        throw cannotTell(address, `process ${container.pid} of ${container.name} cannot be watched from here`);
      const binding = new HostNetworkBinding(address, workloadOf(container, this.#options.dialect), watch);
      for (const [key, other] of this.#bindings) if (!other.isCurrent()) this.#bindings.delete(key);
      this.#bindings.set(keyOf(containerId, address), binding);
      return binding;
    });
  }

  /** Its first request can come before its engine has it running. */
  async #running(containerId: string, address: string): Promise<ContainerDetails> {
    for (const pauseMs of [0, ...PAUSES_MS]) {
      if (pauseMs > 0) await this.#options.sleep(pauseMs);
      const container = await this.#inspect(containerId, address);
      if (container && isRunning(container)) return container;
    }
    throw cannotTell(address, `the engine does not have the container ${containerId.slice(0, 12)} running`);
  }

  async #inspect(containerId: string, address: string): Promise<ContainerDetails | undefined> {
    try {
      return await this.#engine.container(containerId);
    } catch (error) {
      if (error instanceof EngineError) throw cannotTell(address, error.message, error);
      throw error;
    }
  }
}

const keyOf = (containerId: string, address: string): string => `${containerId} ${address}`;
const unknownConnection = ({ address, port }: Peer, reason: string): Refusal =>
  new Refusal({ kind: "unknown-connection", address, port, reason });

const nameOf = (containerId: string, container: ContainerDetails | undefined): string =>
  container ? `${container.name} (${containerId.slice(0, 12)})` : containerId.slice(0, 12);
