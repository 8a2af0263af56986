import { AtMost } from "../kit/at-most.ts";
import type { Sleep } from "../kit/deadline.ts";
import { isRunning } from "./address-lookup.ts";
import { containersOnNetworks } from "./containers-on-networks.ts";
import type { ContainerDetails, Engine } from "./engine.ts";
import type { EngineChange } from "./engine-change.ts";
import { EngineError } from "./engine-error.ts";
import type { EventStreamListener } from "./event-stream.ts";
import { FreshEngine } from "./fresh-engine.ts";

/** A container with addresses, and from none of them a way to the metadata service. */
export interface StrandedContainer {
  readonly id: string;
  readonly name: string;
  readonly networks: readonly string[];
}

export interface StrandedContainersParts {
  readonly engine: Engine;
  readonly sleep: Sleep;
  /** @returns undefined when it cannot be told */
  readonly hasWayOut: (pid: number, containerId: string) => boolean | undefined;
  readonly events: {
    /** Also again for one that was told of, after its networks changed. */
    onStranded(container: StrandedContainer): void;
    onRescued(containerId: string): void;
  };
}

/** A start is over by then, and nobody's first request waits for this. */
const LOOK_AFTER_MS = 500;
/** When the daemon has begun, or has lost its events: the requests that waited for that come first. */
const SWEEP_AFTER_MS = 2_000;
const LOOKS_AT_ONCE = 4;

/**
 * Finds the containers whose networks lead nowhere (`--internal` since Docker 28, `gateway_mode=isolated`): they will
 * never be seen to ask, so they are looked at when they start and when their networks change. One without any
 * address (`--network none`) was meant to be alone, and one in another's network is the other.
 */
export class StrandedContainers implements EventStreamListener {
  readonly #parts: StrandedContainersParts;
  readonly #engine: FreshEngine;
  readonly #looks = new AtMost(LOOKS_AT_ONCE);
  readonly #waiting = new Set<string>();
  readonly #stranded = new Set<string>();
  /** Aborted when the events are lost or the daemon stops. */
  #hearing = new AbortController();

  constructor(parts: StrandedContainersParts) {
    this.#parts = parts;
    this.#engine = new FreshEngine(parts.engine);
  }

  onUp(): void {
    this.#hearing = new AbortController();
    void this.#sweep(this.#hearing.signal);
  }

  /** What is known stays told: it was true, and is looked at again when the events are back. */
  onDown(): void {
    this.#hearing.abort();
    this.#waiting.clear();
  }

  stop(): void {
    this.onDown();
  }

  onChange(change: EngineChange): void {
    switch (change.kind) {
      case "container-began":
      case "network-joined":
      case "network-left":
        void this.#lookSoon(change.containerId);
        break;
      case "container-ended":
        this.#rescue(change.containerId);
        break;
      default:
    }
  }

  /** Of many changes at once the last decides, by one look after them. */
  async #lookSoon(containerId: string): Promise<void> {
    if (this.#waiting.has(containerId)) return;
    this.#waiting.add(containerId);
    const { signal } = this.#hearing;
    const isOver = await this.#parts.sleep(LOOK_AFTER_MS, signal).then(
      () => false,
      () => true,
    );
    if (isOver) return;
    await this.#looks.run(() => {
      this.#waiting.delete(containerId);
      return this.#look(containerId, signal);
    });
  }

  /** One at a time: nobody waits for it. */
  async #sweep(signal: AbortSignal): Promise<void> {
    try {
      await this.#parts.sleep(SWEEP_AFTER_MS, signal);
      const ids = await containersOnNetworks(this.#engine);
      for (const id of this.#stranded) if (!ids.has(id)) this.#rescue(id);
      for (const id of ids) {
        if (signal.aborted) return;
        await this.#look(id, signal);
      }
    } catch (error) {
      if (!signal.aborted && !(error instanceof EngineError)) throw error;
    }
  }

  /** An Engine that does not answer leaves what is known as it is. */
  async #look(containerId: string, signal: AbortSignal): Promise<void> {
    try {
      const container = await this.#engine.container(containerId);
      if (signal.aborted) return;
      if (container && this.#isStranded(container)) this.#strand(container);
      else this.#rescue(containerId);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
    }
  }

  #isStranded(container: ContainerDetails): boolean {
    const hasAddress = container.attachments.some(({ addresses }) => addresses.length > 0);
    if (!isRunning(container) || container.guestOf !== undefined || !hasAddress) return false;
    return this.#parts.hasWayOut(container.pid, container.id) === false;
  }

  #strand({ id, name, attachments }: ContainerDetails): void {
    this.#stranded.add(id);
    const networks = attachments.map(({ networkName }) => networkName);
    this.#parts.events.onStranded({ id, name, networks });
  }

  #rescue(containerId: string): void {
    if (this.#stranded.delete(containerId)) this.#parts.events.onRescued(containerId);
  }
}
