import { AtMost } from "../kit/at-most.ts";
import { containersOnNetworks } from "./containers-on-networks.ts";
import type { DockerWorkloads } from "./docker-workloads.ts";
import type { Engine } from "./engine.ts";
import { EngineError } from "./engine-error.ts";
import type { EventStreamListener } from "./event-stream.ts";
import { FreshEngine } from "./fresh-engine.ts";

export interface StandingContainersParts {
  readonly engine: Engine;
  readonly workloads: Pick<DockerWorkloads, "knows" | "meet">;
}

/** Many share one look at the host's links; an Engine answers few at once. */
const MEETINGS_AT_ONCE = 16;

/**
 * Containers whose start was not heard, because they ran before the daemon did or while the events were lost: each is
 * made sure of as if it had started now, so that after a restart, too, nobody's first request waits for STS.
 */
export class StandingContainers implements EventStreamListener {
  readonly #workloads: StandingContainersParts["workloads"];
  readonly #engine: FreshEngine;
  /** Aborted when the events are lost again or the daemon stops. */
  #hearing = new AbortController();

  constructor({ engine, workloads }: StandingContainersParts) {
    this.#engine = new FreshEngine(engine);
    this.#workloads = workloads;
  }

  onUp(): void {
    this.#hearing = new AbortController();
    void this.#meetAll(this.#hearing.signal);
  }

  onDown(): void {
    this.#hearing.abort();
  }

  stop(): void {
    this.#hearing.abort();
  }

  /** Whatever changes from now on is another's to hear. */
  onChange(): void {}

  async #meetAll(signal: AbortSignal): Promise<void> {
    const turns = new AtMost(MEETINGS_AT_ONCE);
    const ids = await containersOnNetworks(this.#engine).catch(ofEngine);
    await Promise.all([...(ids ?? [])].map((id) => turns.run(() => this.#meet(id, signal))));
  }

  /** What cannot be settled now is asked for by its first request. */
  async #meet(id: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#workloads.knows(id)) return;
    await this.#workloads.meet(id).catch(ofEngine);
  }
}

function ofEngine(error: unknown): undefined {
  if (!(error instanceof EngineError)) throw error;
}
