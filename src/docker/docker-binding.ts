import type { Enforcement } from "../broker/address-enforcement.ts";
import type { Binding } from "../broker/workload-resolver.ts";
import type { Workload } from "../core/workload.ts";
import type { Claim } from "./address-lookup.ts";
import type { ContainerDetails } from "./engine.ts";

/** Tells whether one process still lives. A pid used again is not that process. */
export interface ProcessWatch {
  isAlive(): boolean;
  close(): void;
}

/** @returns undefined when the process cannot be watched, e.g. from another pid namespace */
export type WatchProcess = (pid: number, containerId: string) => ProcessWatch | undefined;

/** A binding with the network that its address is on. */
export interface DockerBinding extends Binding {
  readonly network: { readonly id: string; readonly name: string };
}

/** What a binding stands on besides the Engine's word. */
export interface BindingProof {
  readonly watch: ProcessWatch | undefined;
  /** Undefined where nothing enforces addresses. */
  readonly enforcement: Enforcement | undefined;
}

/** Why a binding ended by itself. */
export type ProofLost = "its process ended" | "the kernel no longer ties the address to it" | "its link is gone";

/** A binding and the watch over its process, ended together and for good. */
export class WatchedBinding implements DockerBinding {
  readonly address: string;
  readonly network: DockerBinding["network"];
  /** By the container's label, of which the Engine knows nothing. */
  readonly isLabelled: boolean;
  readonly #proof: BindingProof;
  #workload: Workload;
  #endedBecause: ProofLost | "told" | undefined;

  constructor({ address, network, isLabelled }: Claim, workload: Workload, proof: BindingProof) {
    this.address = address;
    this.#workload = workload;
    this.network = { id: network.id, name: network.name };
    this.isLabelled = isLabelled;
    this.#proof = proof;
  }

  /** As it was last seen: another object once it is on other networks, and the same life. */
  get workload(): Workload {
    return this.#workload;
  }

  /** The address is its as before, and so are its connections: only what it is judged by is another. */
  seeAs(workload: Workload): void {
    this.#workload = workload;
  }

  isCurrent(): boolean {
    const { watch, enforcement } = this.#proof;
    if (this.#endedBecause !== undefined) return false;
    if (watch?.isAlive() === false) this.#end("its process ended");
    else if (enforcement?.isInForce() === false) this.#end("the kernel no longer ties the address to it");
    return this.#endedBecause === undefined;
  }

  /** The same with a look for its link, which may have been replaced without a word: for when it is in doubt. */
  isCurrentAndLinked(): boolean {
    if (this.isCurrent() && this.#proof.enforcement?.isLinked() === false) this.#end("its link is gone");
    return this.isCurrent();
  }

  /** True only with a watch that says so: without one nothing is proven. */
  isProvablyAlive(): boolean {
    return this.isCurrent() && this.#proof.watch !== undefined;
  }

  /** What it stood on and lost; undefined while it is current, and when it was ended for another reason. */
  get lost(): ProofLost | undefined {
    return this.#endedBecause === "told" ? undefined : this.#endedBecause;
  }

  standsOn(proof: BindingProof): boolean {
    return this.#proof === proof;
  }

  isFor({ network }: Claim, container: ContainerDetails): boolean {
    return this.network.id === network.id && this.isOfLife(container);
  }

  isOfLife({ id, startedAt }: ContainerDetails): boolean {
    return this.workload.id === id && this.workload.startedAt === startedAt;
  }

  /** False once it has joined or left a network, which rules may be about. */
  isOnSameNetworks({ attachments }: ContainerDetails): boolean {
    const now = new Set(attachments.map(({ networkName }) => networkName));
    const seen = new Set(this.workload.traits?.networks);
    return now.size === seen.size && now.isSubsetOf(seen);
  }

  end(): void {
    if (this.#endedBecause === undefined) this.#end("told");
  }

  #end(because: ProofLost | "told"): void {
    this.#endedBecause = because;
    this.#proof.enforcement?.release();
    this.#proof.watch?.close();
  }
}
