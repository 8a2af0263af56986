import type { Binding } from "../broker/workload-resolver.ts";
import type { Workload } from "../core/workload.ts";
import type { Claim } from "./address-lookup.ts";
import type { ContainerDetails } from "./engine.ts";
import { claimsOf } from "./workload-claims.ts";

/** Tells whether one process still lives. A pid used again is not that process. */
export interface ProcessWatch {
  isAlive(): boolean;
  close(): void;
}

/** @returns undefined when the process cannot be watched, e.g. from another pid namespace */
export type WatchProcess = (pid: number, containerId: string) => ProcessWatch | undefined;

/** A binding with what whoever enforces it in the kernel must know. */
export interface DockerBinding extends Binding {
  /** Of the container's first process, in the Engine's pid namespace. */
  readonly pid: number;
  readonly network: {
    readonly id: string;
    readonly name: string;
    /** As Docker names it; podman names its own otherwise. */
    readonly bridge: string;
  };
  /** As the Engine says, "" when it does not. */
  readonly macAddress: string;
}

/** A binding and the watch over its process, ended together and for good. */
export class WatchedBinding implements DockerBinding {
  readonly address: string;
  readonly workload: Workload;
  readonly pid: number;
  readonly network: DockerBinding["network"];
  readonly macAddress: string;
  #watch: ProcessWatch | undefined;
  #hasEnded = false;

  constructor({ address, network, member }: Claim, container: ContainerDetails, watch: ProcessWatch | undefined) {
    this.address = address;
    this.workload = workloadOf(container);
    this.pid = container.pid;
    this.network = { id: network.id, name: network.name, bridge: network.bridge };
    this.macAddress = member.macAddress;
    this.#watch = watch;
  }

  isCurrent(): boolean {
    if (this.#watch && !this.#watch.isAlive()) this.end();
    return !this.#hasEnded;
  }

  /** True only with a watch that says so: without one nothing is proven. */
  isProvablyAlive(): boolean {
    return this.isCurrent() && this.#watch !== undefined;
  }

  isFor({ network }: Claim, { id, startedAt }: ContainerDetails): boolean {
    return this.network.id === network.id && this.workload.id === id && this.workload.startedAt === startedAt;
  }

  end(): void {
    this.#hasEnded = true;
    this.#watch?.close();
    this.#watch = undefined;
  }
}

function workloadOf(container: ContainerDetails): Workload {
  const { id, name, startedAt } = container;
  return { id, name, startedAt, ...claimsOf(container) };
}
