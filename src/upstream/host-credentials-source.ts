import type { EpochMs } from "../core/credentials.ts";
import { Refusal } from "../core/failure.ts";
import { boundMs } from "../kit/backoff.ts";
import { SingleFlight } from "../kit/single-flight.ts";
import type { HostCredentials } from "./host-credentials.ts";

export interface HostCredentialsSourceOptions {
  /** Asks the real metadata service. @throws Refusal `upstream-unavailable` */
  readonly read: () => Promise<HostCredentials>;
  readonly now: () => EpochMs;
  /** In [0, 1): spreads the readings of hosts that were started together. */
  readonly random: () => number;
  readonly events: HostCredentialsEvents;
}

/** Each is told once, when it begins. */
export interface HostCredentialsEvents {
  /** They cannot be renewed, or there are none; what is held, if anything, is used until `endsAt`. */
  lost(loss: HostCredentialsLoss): void;
  /** And their end is near. */
  ending(loss: HostCredentialsLoss): void;
  ended(loss: HostCredentialsLoss): void;
  /** They are there again, after any of these. */
  back(endsAt: EpochMs): void;
}

export interface HostCredentialsLoss {
  /** Undefined: none are held. */
  readonly endsAt: EpochMs | undefined;
  readonly error: unknown;
}

/**
 * How often they are asked for while all is well. Long before their end, so that a metadata service that has failed is
 * known of hours before it matters, and an instance profile that was exchanged is soon used.
 */
const READ_EVERY_MS = 5 * 60_000;
/** From here on until there are new ones, every minute: EC2 has them five minutes before the old ones' end at the latest. */
const SOON_OVER_MS = 20 * 60_000;
const READ_SOON_EVERY_MS = 60_000;
const RETRY_FIRST_MS = 5_000;
const RETRY_AT_MOST_MS = 30_000;
const JITTER = 0.1;
/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html */
const EC2_RENEWS_BEFORE_MS = 5 * 60_000;
/** Many calls at once may need them, or be refused with them: what one reading brought, were it a failure, is for all of these. */
const FRESH_FOR_MS = 1_000;

const LOSSES = ["none", "lost", "ending", "ended"] as const;

/**
 * The host's own credentials, held: for the STS client and nobody else. What is valid is given out whatever the
 * metadata service does meanwhile; what has ended, never.
 */
export class HostCredentialsSource {
  readonly #options: HostCredentialsSourceOptions;
  readonly #flights = new SingleFlight<"read", HostCredentials>();
  #held: HostCredentials | undefined;
  #readAt: EpochMs = Number.NEGATIVE_INFINITY;
  #nextReadAt: EpochMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #failedAt: EpochMs = Number.NEGATIVE_INFINITY;
  /** Why the last reading brought nothing; undefined when it did. */
  #error: unknown;
  #told: (typeof LOSSES)[number] = "none";

  constructor(options: HostCredentialsSourceOptions) {
    this.#options = options;
  }

  /**
   * Valid ones, at once if any are held.
   *
   * @param refused what STS took no longer: then others, read afresh unless they are already here
   * @throws Refusal `upstream-unavailable`
   */
  async get(refused?: { readonly accessKeyId: string }): Promise<HostCredentials> {
    const held = this.#valid();
    if (held && (refused?.accessKeyId !== held.accessKeyId || this.#isFresh(this.#readAt))) return held;
    if (this.#isFresh(this.#failedAt)) throw this.#error;
    return this.#read();
  }

  #isFresh(at: EpochMs): boolean {
    return Math.abs(this.#options.now() - at) < FRESH_FOR_MS;
  }

  /** Reads them when it is time, and tells of their end. To be called every few seconds. Never rejects. */
  async keepFresh(): Promise<void> {
    const untilNextMs = this.#nextReadAt - this.#options.now();
    const isClockSetBack = untilNextMs > READ_EVERY_MS * (1 + JITTER);
    if (untilNextMs <= 0 || isClockSetBack) await this.#read().catch(() => {}); // told as a loss
    this.#tell();
  }

  #valid(): HostCredentials | undefined {
    return this.#held && endOf(this.#held) > this.#options.now() ? this.#held : undefined;
  }

  #read(): Promise<HostCredentials> {
    return this.#flights.run("read", async () => {
      try {
        const read = this.#usable(await this.#options.read());
        this.#accept(read);
        return read;
      } catch (error) {
        this.#failed(error);
        throw error;
      } finally {
        this.#tell();
      }
    });
  }

  #usable(read: HostCredentials): HostCredentials {
    if (endOf(read) > this.#options.now()) return read;
    const here = new Date(this.#options.now()).toISOString();
    const ended = Number.isNaN(endOf(read)) ? "whose end is no date" : `that ended at ${read.expiration.toISOString()}`;
    const reason = `it gave credentials ${ended}; by this host's clock it is ${here}`;
    throw new Refusal({ kind: "upstream-unavailable", what: "the instance profile's credentials", reason });
  }

  #accept(read: HostCredentials): void {
    const now = this.#options.now();
    const leftMs = endOf(read) - now;
    this.#held = read;
    this.#readAt = now;
    this.#failures = 0;
    this.#failedAt = Number.NEGATIVE_INFINITY;
    this.#error = leftMs > EC2_RENEWS_BEFORE_MS ? undefined : stillTheOld(read);
    this.#nextReadAt = now + this.#jittered(leftMs > SOON_OVER_MS ? READ_EVERY_MS : READ_SOON_EVERY_MS);
  }

  #failed(error: unknown): void {
    this.#error = error;
    this.#failures += 1;
    this.#failedAt = this.#options.now();
    const pauseMs = boundMs(this.#failures, RETRY_FIRST_MS, RETRY_AT_MOST_MS);
    this.#nextReadAt = this.#options.now() + this.#jittered(pauseMs);
  }

  #jittered(ms: number): number {
    return ms * (1 + JITTER * (2 * this.#options.random() - 1));
  }

  #tell(): void {
    const is = this.#loss();
    const isWorse = LOSSES.indexOf(is) > LOSSES.indexOf(this.#told);
    const isOver = is === "none" && this.#told !== "none";
    if (!isWorse && !isOver) return;
    this.#told = is;
    const endsAt = this.#held && endOf(this.#held);
    if (is !== "none") this.#options.events[is]({ endsAt, error: this.#error });
    else if (endsAt !== undefined) this.#options.events.back(endsAt);
  }

  #loss(): (typeof LOSSES)[number] {
    if (!this.#held) return this.#error === undefined ? "none" : "lost";
    const leftMs = endOf(this.#held) - this.#options.now();
    if (leftMs <= 0) return "ended";
    if (this.#error === undefined) return "none";
    return leftMs <= EC2_RENEWS_BEFORE_MS ? "ending" : "lost";
  }
}

const endOf = ({ expiration }: HostCredentials): EpochMs => expiration.getTime();

const stillTheOld = ({ expiration }: HostCredentials): Refusal =>
  new Refusal({
    kind: "upstream-unavailable",
    what: "the instance profile's credentials",
    reason: `it still gives those that end at ${expiration.toISOString()}, and no newer ones`,
  });
