import type { Credentials, EpochMs } from "../core/credentials.ts";
import { Refusal } from "../core/failure.ts";
import type { Grant } from "../core/grant.ts";
import { renewAfterMs } from "../core/renewal.ts";
import { SingleFlight } from "../kit/single-flight.ts";
import type { Lane, PacedIssuer } from "./paced-issuer.ts";
import type { SessionEvents } from "./session-events.ts";
import { afterRecovery, mayPass, nameOf, type Trouble, troubleAfter } from "./session-trouble.ts";

export interface CredentialCacheOptions {
  readonly issuer: PacedIssuer;
  /** By which STS's expiry is judged. */
  readonly now: () => EpochMs;
  /** Milliseconds of a clock that never goes back, by which ages and waits are measured: clocks are set. */
  readonly uptime: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly events: SessionEvents;
}

/** What is in hand, with times of the clock that never goes back. */
interface Held {
  readonly credentials: Credentials;
  readonly renewAt: number;
  /** When its life is over, should the other clock have been set back. */
  readonly endsAt: number;
  /** How much of its life is left when it is to be renewed. */
  readonly lifeAfterRenewAtMs: number;
}

interface Session {
  held?: Held | undefined;
  trouble?: Trouble | undefined;
  /** When its trouble was told, something was in hand that is served meanwhile. */
  isServedAsTold?: boolean;
  usedAt: number;
}

/** Between two looks at all sessions when none of them is due earlier: a look at a thousand takes a millisecond. */
const LOOK_AT_LEAST_EVERY_MS = 10_000;
/** By so much the clock must have been set for sessions to be due that were not. */
const CLOCK_WAS_SET_MS = 1_000;
/** Longer than from a container's creation to its start, and than a restart of one takes. */
const UNUSED_FOR_MS = 10 * 60_000;

/**
 * Credentials by session key, issued at most once at a time per key. The key must name every input that shapes the
 * session: whoever shares a key shares the session.
 *
 * What is valid is served whatever STS says meanwhile; what has expired never. A failure is remembered for a while, so
 * that an outage costs few calls.
 */
export class CredentialCache {
  readonly #sessions = new Map<string, Session>();
  readonly #flights = new SingleFlight<string, Credentials>();
  /** Sessions in trouble that may pass. */
  readonly #waiting = new Set<Session>();
  readonly #options: CredentialCacheOptions;
  /** When the first of them is due, as far as can be foreseen. */
  #nextDueAt = Number.POSITIVE_INFINITY;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** How far the two clocks were apart then. */
  #apartMs = 0;

  constructor(options: CredentialCacheOptions) {
    this.#options = options;
  }

  /**
   * At once what is valid in hand (it is renewed behind when it is time), else a promise of what STS gives, or of its
   * failure; the flight is shared by all who ask meanwhile, and goes on whoever leaves.
   */
  get(grant: Grant, lane: Exclude<Lane, "renewal">): Credentials | Promise<Credentials> {
    const session = this.#sessionOf(grant);
    session.usedAt = this.#options.uptime();
    const { held } = session;
    if (held && this.#isValid(held)) {
      if (this.#isDue(held) && this.#mayAsk(session, "renewal")) this.#issue(grant, session, "renewal").catch(() => {});
      return held.credentials;
    }
    const isUnderWay = this.#flights.isUnderWay(grant.sessionKey);
    if (!isUnderWay && !this.#mayAsk(session, lane)) return Promise.reject(session.trouble?.error);
    const flight = this.#issue(grant, session, lane === "prefetch" && held ? "renewal" : lane);
    if (lane === "awaited") this.#options.issuer.hurry(grant);
    return flight;
  }

  /** Whether {@link wants} is now to be asked about every session in use. Costs next to nothing, as that does not. */
  isTimeToLook(): boolean {
    const uptime = this.#options.uptime();
    const apartMs = this.#options.now() - uptime;
    const isClockSet = Math.abs(apartMs - this.#apartMs) > CLOCK_WAS_SET_MS;
    const isOver = uptime >= this.#nextDueAt || uptime - this.#lookedAt >= LOOK_AT_LEAST_EVERY_MS;
    if (!isOver && !isClockSet) return false;
    this.#nextDueAt = Number.POSITIVE_INFINITY;
    this.#lookedAt = uptime;
    this.#apartMs = apartMs;
    return true;
  }

  /** Notes that the session is in use, and says whether there is something to ask STS for. */
  wants(grant: Grant): boolean {
    const session = this.#sessionOf(grant);
    session.usedAt = this.#options.uptime();
    this.#foresee(session);
    const { held } = session;
    if (held && this.#isValid(held) && !this.#isDue(held)) return false;
    return this.#mayAsk(session, "renewal");
  }

  /** What the last call for it ended in; undefined when all is well, or nothing is known yet. */
  troubleOf({ sessionKey }: Grant): unknown {
    return this.#sessions.get(sessionKey)?.trouble?.error;
  }

  /** From when on a caller's own try is worth it; undefined when all is well, and where asking again is useless. */
  retryForCallerAt({ sessionKey }: Grant): number | undefined {
    const trouble = this.#sessions.get(sessionKey)?.trouble;
    return trouble && mayPass(trouble) ? trouble.retryForCallerAt : undefined;
  }

  /** Nobody uses it any more: what would only be asked for ahead is not asked for. */
  callOff(grant: Grant): void {
    this.#options.issuer.callOff(grant);
  }

  /** Lets go of what nobody has used for long; not of what is still to come, for which a throttled call may wait minutes. */
  sweep(): void {
    const oldest = this.#options.uptime() - UNUSED_FOR_MS;
    for (const [key, session] of this.#sessions) {
      if (session.usedAt >= oldest || this.#flights.isUnderWay(key)) continue;
      this.#sessions.delete(key);
      this.#waiting.delete(session);
    }
  }

  /** How many are kept. */
  get size(): number {
    return this.#sessions.size;
  }

  #sessionOf({ sessionKey }: Grant): Session {
    const known = this.#sessions.get(sessionKey);
    if (known) return known;
    const session: Session = { usedAt: 0 };
    this.#sessions.set(sessionKey, session);
    return session;
  }

  /** What is new in hand is foreseen by the next look. */
  #foresee({ held, trouble }: Session): void {
    const dueAt = trouble?.retryAt ?? held?.renewAt;
    if (dueAt !== undefined) this.#nextDueAt = Math.min(this.#nextDueAt, dueAt);
  }

  #isValid({ credentials, endsAt }: Held): boolean {
    const { now, uptime } = this.#options;
    return credentials.expiresAt > now() && endsAt > uptime();
  }

  #isDue({ credentials, renewAt, lifeAfterRenewAtMs }: Held): boolean {
    const { now, uptime } = this.#options;
    return renewAt <= uptime() || credentials.expiresAt - now() <= lifeAfterRenewAtMs;
  }

  #mayAsk({ trouble }: Session, lane: Lane): boolean {
    if (!trouble) return true;
    return (lane === "awaited" ? trouble.retryForCallerAt : trouble.retryAt) <= this.#options.uptime();
  }

  #issue(grant: Grant, session: Session, lane: Lane): Promise<Credentials> {
    return this.#flights.run(grant.sessionKey, async () => {
      try {
        const credentials = await this.#options.issuer.issue(grant, lane);
        session.held = this.#heldOf(credentials, grant);
        this.#recovered(grant, session);
        return credentials;
      } catch (error) {
        if (!isCalledOff(error)) this.#failed(grant, session, error);
        throw error;
      }
    });
  }

  /** A life is never longer than was asked for, however wrong this host's clock is. */
  #heldOf(credentials: Credentials, { sessionKey, sessionSeconds }: Grant): Held {
    const uptime = this.#options.uptime();
    const lifeMs = Math.min(credentials.expiresAt - credentials.issuedAt, sessionSeconds * 1000);
    const renewMs = renewAfterMs(lifeMs, sessionKey);
    return {
      credentials,
      renewAt: uptime + renewMs,
      endsAt: uptime + lifeMs,
      lifeAfterRenewAtMs: lifeMs - renewMs,
    };
  }

  #failed(grant: Grant, session: Session, error: unknown): void {
    const { uptime, random, events } = this.#options;
    const before = session.trouble;
    session.trouble = troubleAfter(error, { before, uptime: uptime(), random });
    this.#foresee(session);
    if (mayPass(session.trouble)) this.#waiting.add(session);
    else this.#waiting.delete(session);
    const { held } = session;
    const servedUntil = held && this.#isValid(held) ? held.credentials.expiresAt : undefined;
    const hasEnded = session.isServedAsTold === true && servedUntil === undefined;
    if (before && nameOf(before.error) === nameOf(error) && !hasEnded) return;
    session.isServedAsTold = servedUntil !== undefined;
    events.failed({ grant, error, servedUntil });
  }

  /** STS answers: whoever waits for that need not wait on. */
  #recovered(grant: Grant, session: Session): void {
    const { uptime, random, events } = this.#options;
    if (session.trouble) events.recovered({ grant, error: session.trouble.error, failures: session.trouble.failures });
    session.trouble = undefined;
    this.#waiting.delete(session);
    for (const other of this.#waiting) {
      if (other.trouble) other.trouble = afterRecovery(other.trouble, { uptime: uptime(), random });
      this.#foresee(other);
    }
  }
}

/** STS was not asked: that is no trouble. */
const isCalledOff = (error: unknown): boolean =>
  error instanceof Refusal && error.failure.kind === "credentials-pending";
