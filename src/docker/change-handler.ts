import type { Sleep } from "../kit/deadline.ts";
import type { BindingAudit } from "./binding-audit.ts";
import type { BindingIndex, EvictionReason, IndexEntry } from "./binding-index.ts";
import type { ContainerReview } from "./container-review.ts";
import type { EngineChange } from "./engine-change.ts";
import { EngineError } from "./engine-error.ts";
import type { EventStreamListener } from "./event-stream.ts";
import { type EvictionJournal, networksOf, SOME_NETWORK } from "./eviction-journal.ts";
import type { NetworkDirectory } from "./network-directory.ts";

export interface ChangeHandlerParts {
  readonly journal: EvictionJournal;
  readonly index: BindingIndex;
  readonly directory: NetworkDirectory;
  readonly audit: BindingAudit;
  readonly sleep: Sleep;
  readonly events: { onStreamUp(): void; onStreamDown(reason: string): void };
  readonly review: ContainerReview;
  /** Told of a container that will run. */
  readonly onCreated: (containerId: string) => Promise<void>;
}

/** Between two attempts to confirm all bindings after the events came back. */
const RESYNC_PAUSE_MS = 1_000;

/**
 * Turns the Engine's events into evictions, doubts and audits.
 *
 * What an event may end is ended at the first that says so, as their order differs (Docker 20.10: die, then
 * disconnect; 26 and later the other way round; podman: die, then remove). What an event may only have changed is
 * put in doubt: it is asked for live, and evicted if the Engine says otherwise, but a request already on its way is
 * not cut off. A container's own `start` and `connect` are such events, because its first request comes before them.
 */
export class ChangeHandler implements EventStreamListener {
  readonly #parts: ChangeHandlerParts;
  /** Aborted when the events are lost again or the daemon stops. */
  #hearing: AbortController | undefined;

  constructor(parts: ChangeHandlerParts) {
    this.#parts = parts;
  }

  get isHearing(): boolean {
    return this.#hearing !== undefined;
  }

  /** First the subscription, then the look: what is confirmed from now on is kept right by the events. */
  onUp(): void {
    const { index, journal, directory, events } = this.#parts;
    const hearing = new AbortController();
    this.#hearing = hearing;
    index.trustAfter(journal.next());
    directory.keep();
    events.onStreamUp();
    this.#behind(this.#resync(hearing.signal));
  }

  onDown(reason: string): void {
    this.stop();
    this.#parts.events.onStreamDown(reason);
  }

  stop(): void {
    this.#hearing?.abort();
    this.#hearing = undefined;
    this.#parts.index.distrust();
    this.#parts.directory.keepNothing();
  }

  onChange(change: EngineChange): void {
    const { index } = this.#parts;
    switch (change.kind) {
      case "container-created":
        this.#behind(this.#parts.onCreated(change.containerId));
        break;
      case "container-began":
        this.#review(change.containerId);
        break;
      case "network-joined":
        this.#parts.journal.note(networksOf(change.containerId));
        this.#review(change.containerId);
        break;
      case "container-ended":
        this.#end(change.containerId, index.ofContainer(change.containerId), "the container ended");
        break;
      case "network-left":
        this.#left(change);
        break;
      case "network-made":
        this.#made();
        break;
      case "network-gone":
        this.#parts.directory.forget();
        this.#end(change.network, index.onNetwork(change.network), "the network was removed");
        break;
      default:
        unknownChange(change);
    }
  }

  /** What is of its subnet is the Engine's to give from now on, and no label's. */
  #made(): void {
    const { directory, index, journal, audit } = this.#parts;
    directory.forget();
    journal.note(SOME_NETWORK);
    const turn = journal.next();
    const labelled = index.labelled();
    for (const entry of labelled) entry.doubtedAt = turn;
    this.#behind(audit.confirm(labelled));
  }

  /** Its other addresses are in doubt: with its networks docker_gwbridge comes and goes, without events. */
  #left({ containerId, network }: { containerId: string; network: string }): void {
    const isOnNetwork = ({ binding }: IndexEntry): boolean =>
      binding.network.id === network || binding.network.name === network;
    const left = this.#parts.index.ofContainer(containerId).filter(isOnNetwork);
    this.#end(containerId, left, "the container left the network");
    if (this.#parts.index.ofContainer(containerId).length > 0) this.#review(containerId);
  }

  #end(id: string, entries: readonly IndexEntry[], reason: EvictionReason): void {
    this.#parts.journal.note(id);
    this.#parts.index.evict(entries, reason);
  }

  /** What it has is asked for live until it has been looked at. */
  #review(containerId: string): void {
    const { index, journal, review } = this.#parts;
    const turn = journal.next();
    for (const entry of index.ofContainer(containerId)) entry.doubtedAt = turn;
    this.#behind(review.review(containerId));
  }

  /** Until each binding from before is confirmed or gone; those in doubt are asked for live meanwhile. */
  async #resync(signal: AbortSignal): Promise<void> {
    const { index, sleep } = this.#parts;
    while (!signal.aborted && index.inDoubt().length > 0) {
      const isDone = await this.#settle(index.inDoubt()).then(() => true, onlyEngineErrors);
      if (!isDone) await sleep(RESYNC_PAUSE_MS, signal).catch(() => {});
    }
  }

  /** Of one that has lost what it stood on the address may be its container's again, by another link: it is bound anew. */
  async #settle(entries: readonly IndexEntry[]): Promise<void> {
    const { audit, review } = this.#parts;
    const { standing = [], lost = [] } = Object.groupBy(entries, ({ binding }) =>
      binding.isCurrentAndLinked() ? "standing" : "lost",
    );
    const losers = new Set(lost.map(({ binding }) => binding.workload.id));
    await Promise.all([audit.confirm(standing), ...[...losers].map((id) => review.review(id))]);
  }

  /** What an audit could not ask stays in doubt, and is asked for by the next request from that address. */
  #behind(audit: Promise<unknown>): void {
    void audit.catch(onlyEngineErrors);
  }
}

/** @returns false: not done. Anything else is a bug, and goes on as one. */
function onlyEngineErrors(error: unknown): false {
  if (error instanceof EngineError) return false;
  throw error;
}

/** Does not compile until every kind of change has its effect. */
function unknownChange(change: never): never {
  throw new Error(`no effect for ${JSON.stringify(change)}`);
}
