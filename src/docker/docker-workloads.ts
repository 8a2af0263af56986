import type { Enforce } from "../broker/address-enforcement.ts";
import type { EngineNetworks } from "../broker/mapped-workloads.ts";
import type { WorkloadResolver } from "../broker/workload-resolver.ts";
import type { EpochMs } from "../core/credentials.ts";
import type { Peer } from "../core/peer.ts";
import type { Workload } from "../core/workload.ts";
import { type Sleep, TIMED_OUT, withDeadline } from "../kit/deadline.ts";
import { canonicalAddress } from "../kit/ip-address.ts";
import { AddressGuard } from "./address-guard.ts";
import { AddressLookup, containersIn } from "./address-lookup.ts";
import { BindingAudit } from "./binding-audit.ts";
import { BindingIndex, type EvictionReason } from "./binding-index.ts";
import { BindingSettler } from "./binding-settler.ts";
import { ChangeHandler } from "./change-handler.ts";
import type { ContainerDialect } from "./container-dialect.ts";
import { ContainerReview } from "./container-review.ts";
import type { DockerBinding, WatchedBinding, WatchProcess } from "./docker-binding.ts";
import type { ContainerDetails, Engine } from "./engine.ts";
import { EngineError } from "./engine-error.ts";
import { EventStream, type EventStreamListener, inTurn } from "./event-stream.ts";
import { EvictionJournal } from "./eviction-journal.ts";
import { FreshEngine } from "./fresh-engine.ts";
import { LabelledAddresses } from "./labelled-addresses.ts";
import { NetworkDirectory } from "./network-directory.ts";
import { cannotTell, giveUp, type Trouble, troubleOf } from "./unidentified.ts";
import { workloadOf } from "./workload-claims.ts";

/** Called synchronously; what a listener throws is a bug. */
export interface DockerWorkloadsEvents {
  /** Before anyone is served on it. */
  onBound(binding: DockerBinding): void;
  /** At once when it ends: whatever was open from this address belongs to nobody now. */
  onEvicted(binding: DockerBinding, reason: EvictionReason): void;
  /** It does not run yet, and has no address. */
  onCreated(workload: Workload): void;
  onStreamUp(): void;
  /** Told once per reason, also when Docker was not there at the start. */
  onStreamDown(reason: string): void;
}

export interface DockerWorkloadsOptions {
  readonly engine: Engine;
  /** Without it taskrole's own words are read alone. */
  readonly dialect?: ContainerDialect;
  readonly watchProcess: WatchProcess;
  /** Without it a binding stands on the Engine's word and the process alone. */
  readonly enforce?: Enforce;
  readonly now: () => EpochMs;
  readonly sleep: Sleep;
  readonly events: DockerWorkloadsEvents;
  /** Told of each event too, after it has had its effect on the bindings. */
  readonly alongside?: readonly EventStreamListener[];
  /** Told of the first process of each container that starts, also of one on the host's own network. */
  readonly onRunning?: (pid: number) => void;
  /** How long a request waits for its container to be known, between the calls: no clock that is set can prolong it. */
  readonly holdMs?: number;
  /** An event that comes this long after it happened means that others are on their way, too. */
  readonly lateEventMs?: number;
  /** How long a request waits for an Engine whose events are lost, when a binding proven alive is at hand. */
  readonly outagePatienceMs?: number;
}

const HOLD_MS = 3_000;
/** Half of the least an SDK waits (botocore: 1 s). */
const OUTAGE_PATIENCE_MS = 500;
/** Of an Engine that is merely busy, events were seen half a second late. */
const LATE_EVENT_MS = 2_000;
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 400;

/**
 * Who is calling, from the Docker Engine: the container that owns the peer's address.
 *
 * Its truth is what the Engine says when asked, by calls sent after the request came (an older answer could name the
 * address's previous owner). A binding found so is served again without asking for as long as the events are heard
 * and none concerns it; each event comes through {@link ChangeHandler}. An answer that an event overtakes is thrown
 * away and asked for again: an eviction must not be undone by what was known before it.
 */
export class DockerWorkloads implements WorkloadResolver {
  readonly source = "docker";
  readonly #options: DockerWorkloadsOptions;
  readonly #journal = new EvictionJournal();
  readonly #index: BindingIndex;
  readonly #lookup: AddressLookup;
  readonly #directory: NetworkDirectory;
  readonly #settler: BindingSettler;
  readonly #changes: ChangeHandler;
  readonly #review: ContainerReview;
  readonly #stream: EventStream;

  constructor(options: DockerWorkloadsOptions) {
    const { now, sleep, events } = options;
    const engine = new FreshEngine(options.engine);
    const directory = new NetworkDirectory(engine);
    this.#directory = directory;
    const journal = this.#journal;
    const index = new BindingIndex((binding, reason) => {
      journal.note(binding.workload.id);
      events.onEvicted(binding, reason);
    });
    const labels = options.dialect?.addressLabels;
    const labelled = labels === undefined ? undefined : new LabelledAddresses(engine, labels);
    const lookup = new AddressLookup(engine, directory, labelled);
    const guard = new AddressGuard({ watchProcess: options.watchProcess, enforce: options.enforce });
    const toWorkload = (container: ContainerDetails) => workloadOf(container, options.dialect);
    const onBound = (binding: DockerBinding) => events.onBound(binding);
    const settler = new BindingSettler({ index, journal, guard, toWorkload, onBound });
    const audit = new BindingAudit({ engine, lookup, index, journal, settler });
    const ask = (address: string) => this.#ask(address);
    const { onRunning = () => {} } = options;
    const review = new ContainerReview({ engine, lookup, index, journal, settler, audit, ask, onRunning });
    const onCreated = (containerId: string) => this.#tellCreated(engine, containerId);
    this.#options = options;
    this.#index = index;
    this.#lookup = lookup;
    this.#settler = settler;
    this.#changes = new ChangeHandler({ journal, index, directory, audit, review, onCreated, sleep, events });
    this.#review = review;
    this.#stream = new EventStream({
      engine: options.engine,
      listener: inTurn([this.#changes, ...(options.alongside ?? [])]),
      now,
      sleep,
      lateMs: options.lateEventMs ?? LATE_EVENT_MS,
    });
  }

  /** Begins to listen. Resolves after the first attempt, whether it worked or not: Docker may start later. */
  start(): Promise<void> {
    return this.#stream.start();
  }

  async stop(): Promise<void> {
    this.#changes.stop();
    await this.#stream.stop();
    this.#index.clear();
  }

  async resolve(peer: Pick<Peer, "address">): Promise<DockerBinding | undefined> {
    const address = canonicalAddress(peer.address);
    if (address === undefined) return undefined;
    return this.#trusted(address) ?? (await this.#askOrTrustProcess(address));
  }

  /** Which addresses are of the Engine's networks. */
  get networks(): EngineNetworks {
    return this.#directory;
  }

  /** Whether it has a binding. */
  knows(containerId: string): boolean {
    return this.#index.ofContainer(containerId).length > 0;
  }

  /** Makes sure of a container as if it had started now. What cannot be settled is asked for by its first request. @throws EngineError */
  meet(containerId: string): Promise<void> {
    return this.#review.review(containerId);
  }

  async #tellCreated(engine: FreshEngine, containerId: string): Promise<void> {
    const container = await engine.container(containerId);
    if (container) this.#options.events.onCreated(workloadOf(container, this.#options.dialect));
  }

  #trusted(address: string): WatchedBinding | undefined {
    const entry = this.#index.trusted(address);
    if (!entry || entry.binding.isCurrent()) return entry?.binding;
    this.#settler.evict(entry);
    return undefined;
  }

  /** With the Engine out of reach, only a binding whose process provably lives still says who is there. */
  async #askOrTrustProcess(address: string): Promise<WatchedBinding | undefined> {
    try {
      return await this.#askWithPatience(address);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      const known = this.#index.get(address)?.binding;
      if (known?.isProvablyAlive()) return known;
      throw cannotTell(address, error.message, error);
    }
  }

  /** An Engine that hangs, its events lost, must not keep a workload waiting that is known and provably alive. */
  async #askWithPatience(address: string): Promise<WatchedBinding | undefined> {
    const asking = this.#ask(address);
    if (this.#changes.isHearing || !this.#index.get(address)?.binding.isProvablyAlive()) return await asking;
    const { outagePatienceMs = OUTAGE_PATIENCE_MS, sleep } = this.#options;
    const answer = await withDeadline(asking, outagePatienceMs, sleep);
    if (answer !== TIMED_OUT) return answer;
    const known = this.#index.get(address)?.binding;
    return known?.isProvablyAlive() ? known : await asking;
  }

  /**
   * Looks until the answer settles or the hold is over. Every look is later than the request, so a request during
   * whose hold two containers were seen at the address was sent by the first, or by nobody knows whom: not by the second.
   */
  async #ask(address: string): Promise<WatchedBinding | undefined> {
    const { sleep, holdMs = HOLD_MS } = this.#options;
    let leftMs = holdMs;
    let trouble: Trouble | undefined;
    const seen = new Set<string>();
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const turn = this.#journal.next();
      const sighting = await this.#lookup.look(address);
      for (const id of containersIn(sighting)) seen.add(id);
      if (seen.size > 1) throw cannotTell(address, "it changed hands meanwhile");
      const binding = await this.#settler.apply(address, sighting, turn).catch((error: unknown): undefined => {
        trouble = troubleOf(error);
      });
      if (binding || sighting.kind === "foreign") return binding;
      if (leftMs <= 0) return giveUp(address, sighting, trouble);
      await sleep(Math.min(pauseMs, leftMs));
      leftMs -= pauseMs;
    }
  }
}
