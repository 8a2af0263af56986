import { scopeSet } from "./host-chains.ts";
import type { HostProcesses } from "./host-processes.ts";
import type { HostPrograms } from "./host-programs.ts";
import { INTERCEPTION_TABLE } from "./interception-table.ts";
import { elementTexts, refillTexts } from "./nft-table.ts";

/** One may end between the look and the load, which nft then refuses as a whole. */
const TRIES = 3;

/**
 * The set of the containers that lie one by one among the host's services. They come and go with every container, and
 * loading the tables for each would end all bindings: so it is kept apart.
 */
export class ScopeSet {
  readonly #programs: HostPrograms;
  readonly #hostProcesses: HostProcesses;
  #size = 0;

  constructor(programs: HostPrograms, hostProcesses: HostProcesses) {
    this.#programs = programs;
    this.#hostProcesses = hostProcesses;
  }

  /** At once: until the kernel has it, its container is taken for a service. What fails here, the next refill mends. */
  async add(path: string): Promise<void> {
    this.#size += 1;
    await this.#programs.refusal(["nft", ...elementTexts(INTERCEPTION_TABLE, scopeSet([path]))]);
  }

  /** After the tables were loaded, as one may have come since they were looked up; and now and then, to be rid of those that ended. */
  async refill(): Promise<void> {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const { paths } = this.#hostProcesses.kept()?.scopes ?? {};
      if (paths === undefined || (paths.length === 0 && this.#size === 0)) return;
      const refusal = await this.#programs.refusal(["nft", ...refillTexts(INTERCEPTION_TABLE, scopeSet(paths))]);
      if (refusal !== undefined) continue;
      this.#size = paths.length;
      return;
    }
  }
}
