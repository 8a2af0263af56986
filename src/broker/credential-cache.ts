import type { Credentials, EpochMs } from "../core/credentials.ts";
import { Refusal } from "../core/failure.ts";
import { SingleFlight } from "../kit/single-flight.ts";

export interface CredentialCacheOptions {
  readonly now: () => EpochMs;
  /** In [0, 1): spreads renewals so that sessions issued together are not renewed together. */
  readonly random: () => number;
  /** After a failed early renewal, wait this long before the next. */
  readonly renewRetryMs: number;
  /** How long a "no" of STS is remembered: short, since IAM changes take seconds to arrive. */
  readonly deniedForMs: number;
  /** Told of a failed early renewal; the caller has already been served. */
  readonly onRenewalError: (sessionKey: string, error: unknown) => void;
}

interface Entry {
  readonly credentials: Credentials;
  renewAt: EpochMs;
}

interface Denial {
  readonly refusal: Refusal;
  readonly until: EpochMs;
}

/** Renewal begins at this share of a session's life, ± {@link RENEW_JITTER} of the life. */
const RENEW_AT = 0.5;
const RENEW_JITTER = 0.05;

/**
 * Credentials by session key, issued at most once at a time per key. The key
 * must name every input that shapes the session: whoever shares a key shares the session.
 *
 * Three states, a line each in `get`: expired waits, aging serves and renews
 * behind, fresh serves. What is valid is served whatever STS says meanwhile.
 */
export class CredentialCache {
  readonly #entries = new Map<string, Entry>();
  readonly #denials = new Map<string, Denial>();
  readonly #flights = new SingleFlight<string, Credentials>();
  readonly #options: CredentialCacheOptions;

  constructor(options: CredentialCacheOptions) {
    this.#options = options;
  }

  /**
   * At once what is valid in hand, else a promise of what `issue` brings (or of
   * its failure); the flight is shared by all who ask meanwhile.
   */
  get(sessionKey: string, issue: () => Promise<Credentials>): Credentials | Promise<Credentials> {
    const entry = this.#entries.get(sessionKey);
    const now = this.#options.now();
    if (!entry || entry.credentials.expiresAt <= now) return this.#issueUnlessDenied(sessionKey, issue);
    if (entry.renewAt <= now) this.#renewQuietly(sessionKey, entry, issue);
    return entry.credentials;
  }

  #issueUnlessDenied(sessionKey: string, issue: () => Promise<Credentials>): Promise<Credentials> {
    const denial = this.#denials.get(sessionKey);
    if (denial && denial.until > this.#options.now()) return Promise.reject(denial.refusal);
    return this.#issue(sessionKey, issue);
  }

  #issue(sessionKey: string, issue: () => Promise<Credentials>): Promise<Credentials> {
    return this.#flights.run(sessionKey, async () => {
      this.#sweep();
      const credentials = await issue().catch((error: unknown) => this.#remember(sessionKey, error));
      this.#denials.delete(sessionKey);
      this.#entries.set(sessionKey, { credentials, renewAt: this.#renewAt(credentials) });
      return credentials;
    });
  }

  #renewAt({ issuedAt, expiresAt }: Credentials): EpochMs {
    const jitter = RENEW_JITTER * (2 * this.#options.random() - 1);
    return issuedAt + (expiresAt - issuedAt) * (RENEW_AT + jitter);
  }

  #renewQuietly(sessionKey: string, entry: Entry, issue: () => Promise<Credentials>): void {
    entry.renewAt = this.#options.now() + this.#options.renewRetryMs;
    this.#issue(sessionKey, issue).catch((error: unknown) => this.#options.onRenewalError(sessionKey, error));
  }

  #remember(sessionKey: string, error: unknown): never {
    if (error instanceof Refusal && error.failure.kind === "sts-denied") {
      this.#denials.set(sessionKey, { refusal: error, until: this.#options.now() + this.#options.deniedForMs });
    }
    throw error;
  }

  /** Runs once per call to STS, so that neither map outgrows the sessions of about an hour. */
  #sweep(): void {
    const now = this.#options.now();
    for (const [key, { credentials }] of this.#entries) if (credentials.expiresAt <= now) this.#entries.delete(key);
    for (const [key, { until }] of this.#denials) if (until <= now) this.#denials.delete(key);
  }
}
