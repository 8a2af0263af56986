import type { Binding } from "../broker/workload-resolver.ts";
import type { Workload } from "../core/workload.ts";
import type { ProcessWatch } from "./docker-binding.ts";

/** A container on the host's network, for as long as its first process lives. Its address is the host's, and not its alone. */
export class HostNetworkBinding implements Binding {
  readonly address: string;
  readonly workload: Workload;
  readonly #watch: ProcessWatch;
  #hasEnded = false;

  constructor(address: string, workload: Workload, watch: ProcessWatch) {
    this.address = address;
    this.workload = workload;
    this.#watch = watch;
  }

  isCurrent(): boolean {
    if (!this.#hasEnded && !this.#watch.isAlive()) this.end();
    return !this.#hasEnded;
  }

  end(): void {
    this.#hasEnded = true;
    this.#watch.close();
  }
}
