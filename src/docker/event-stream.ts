import type { EpochMs } from "../core/credentials.ts";
import type { Sleep } from "../kit/deadline.ts";
import type { Engine, EngineEvent } from "./engine.ts";
import { CHANGE_ACTIONS, CHANGE_TYPES, changeOf, type EngineChange } from "./engine-change.ts";

export interface EventStreamListener {
  /** Every change from now on will be told; what was known before may be out of date. */
  onUp(): void;
  /** Changes may be missed from now on. Told once per reason while it lasts, also when the first attempt fails. */
  onDown(reason: string): void;
  onChange(change: EngineChange): void;
}

/** Each is told in turn. */
export const inTurn = (listeners: readonly EventStreamListener[]): EventStreamListener => ({
  onUp: () => listeners.forEach((listener) => void listener.onUp()),
  onDown: (reason) => listeners.forEach((listener) => void listener.onDown(reason)),
  onChange: (change) => listeners.forEach((listener) => void listener.onChange(change)),
});

export interface EventStreamOptions {
  readonly engine: Pick<Engine, "events">;
  readonly listener: EventStreamListener;
  readonly now: () => EpochMs;
  readonly sleep: Sleep;
  /** How long after it happened an event may come before those not yet here are reckoned with. */
  readonly lateMs: number;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** A stream that held this long starts the pauses anew when it breaks; one that breaks at once does not. */
const STEADY_MS = 10_000;
/** After a late event, the time without another in which the Engine counts as having caught up. */
const CAUGHT_UP_MS = 1_000;

/** One subscription to the Engine's events, taken out again whenever it breaks. */
export class EventStream {
  readonly #options: EventStreamOptions;
  readonly #stopped = new AbortController();
  #following: Promise<void> | undefined;
  #toldReason: string | undefined;
  /** What happened before is repeated then, and not late. */
  #upSince: EpochMs = 0;
  /** The latest late event, or the end of a stream: what is waited for after it is none of an earlier one's. */
  #setback = {};

  constructor(options: EventStreamOptions) {
    this.#options = options;
  }

  /** Resolves after the first attempt, whether it worked or not: Docker may start after this daemon. */
  start(): Promise<void> {
    return new Promise((attempted) => {
      this.#following ??= this.#follow(attempted);
    });
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#following;
  }

  async #follow(attempted: () => void): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    while (!this.#stopped.signal.aborted) {
      const heldMs = await this.#subscribeOnce(attempted);
      attempted();
      pauseMs = heldMs >= STEADY_MS ? FIRST_PAUSE_MS : pauseMs;
      await this.#options.sleep(pauseMs, this.#stopped.signal).catch(() => {});
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  /** @returns how long the stream was up, in ms */
  async #subscribeOnce(attempted: () => void): Promise<number> {
    const { engine, now, listener } = this.#options;
    const begun = now();
    try {
      const events = await this.#orStopped(engine.events(queryAt(begun), this.#stopped.signal));
      this.#toldReason = undefined;
      this.#upSince = now();
      listener.onUp();
      attempted();
      for await (const event of events) this.#hear(event);
      this.#down("the Engine ended its stream of events");
    } catch (error) {
      this.#down(error instanceof Error ? error.message : String(error));
    }
    this.#setback = {};
    return now() - begun;
  }

  /** An Engine that hangs must not keep the daemon from stopping. */
  async #orStopped<T>(task: Promise<T>): Promise<T> {
    const { signal } = this.#stopped;
    const { promise: stopped, reject } = Promise.withResolvers<never>();
    const stop = (): void => reject(signal.reason);
    signal.addEventListener("abort", stop);
    try {
      return await Promise.race([task, stopped]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  #hear(event: EngineEvent): void {
    const { now, lateMs, listener } = this.#options;
    const dueAt = Math.max(event.happenedAt ?? now(), this.#upSince);
    if (now() - dueAt > lateMs) this.#fallBehind();
    const change = changeOf(event);
    if (change) listener.onChange(change);
  }

  /** What the Engine has not told yet may concern anyone: nothing is trusted until it comes in time, or is silent. */
  #fallBehind(): void {
    const { sleep, listener } = this.#options;
    const setback = {};
    this.#setback = setback;
    this.#down("the Engine's events come late");
    const isOver = (): boolean => this.#setback === setback && !this.#stopped.signal.aborted;
    const caughtUp = (): void => {
      if (!isOver()) return;
      this.#toldReason = undefined;
      listener.onUp();
    };
    void sleep(CAUGHT_UP_MS, this.#stopped.signal).then(caughtUp, () => {});
  }

  #down(reason: string): void {
    if (this.#stopped.signal.aborted || reason === this.#toldReason) return;
    this.#toldReason = reason;
    this.#options.listener.onDown(reason);
  }
}

/**
 * dockerd sends the head of its answer a moment before it subscribes us; `since` has it repeat what happened in that
 * moment. In whole seconds, which every Engine reads: an event repeated needlessly costs one lookup.
 */
const queryAt = (now: EpochMs) => ({
  types: CHANGE_TYPES,
  actions: CHANGE_ACTIONS,
  sinceSeconds: Math.floor(now / 1000),
});
