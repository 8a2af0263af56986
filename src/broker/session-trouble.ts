import { type Failure, Refusal } from "../core/failure.ts";
import { boundMs, fullJitterMs } from "../kit/backoff.ts";

/** Why a session could not be had, and when it is worth asking again. Times are of a clock that never goes back. */
export interface Trouble {
  readonly error: unknown;
  /** Of the same kind, in a row. */
  readonly failures: number;
  /** When somebody waits for it. */
  readonly retryForCallerAt: number;
  /** When nobody does. */
  readonly retryAt: number;
  /** When it was last brought forward because STS answered somebody else. */
  readonly revivedAt?: number | undefined;
}

export interface TroubleContext {
  /** Of the same session, the last time. */
  readonly before: Trouble | undefined;
  readonly uptime: number;
  /** In [0, 1). */
  readonly random: () => number;
}

/** A "no" of STS stands until someone changes a policy; then it must be healed within a minute, the jitter and the call included. */
const DENIED = { baseMs: 5_000, capMs: 53_000 };
/** By how much more it may be, so that many that were refused together do not ask together. */
const DENIED_JITTER = 0.1;
const OUTAGE = { baseMs: 500, capMs: 30_000 };
/** Somebody is waiting: what is over must be over for them within seconds. */
const OUTAGE_FOR_CALLER = { baseMs: 200, capMs: 2_000 };
/** When STS answers one again, the others that waited for that ask within so long, as fast as the lanes let them. */
const RECOVERY_MS = 1_000;
/** One that fails all the same is not of what ended: others' answers say nothing of it for so long. */
const REVIVE_AGAIN_AFTER_MS = 30_000;

export function troubleAfter(error: unknown, { before, uptime, random }: TroubleContext): Trouble {
  const failures = before && isFinal(before.error) === isFinal(error) ? before.failures + 1 : 1;
  if (isFinal(error)) {
    const at = uptime + boundMs(failures, DENIED.baseMs, DENIED.capMs) * (1 + DENIED_JITTER * random());
    return { error, failures, retryForCallerAt: at, retryAt: at };
  }
  return {
    error,
    failures,
    revivedAt: before?.revivedAt,
    retryForCallerAt: uptime + fullJitterMs({ ...OUTAGE_FOR_CALLER, failures, random }),
    retryAt: uptime + fullJitterMs({ ...OUTAGE, failures, random }),
  };
}

/** What becomes of it when STS has answered somebody else; a "no" stands. */
export function afterRecovery(trouble: Trouble, { uptime, random }: Omit<TroubleContext, "before">): Trouble {
  const { revivedAt = Number.NEGATIVE_INFINITY } = trouble;
  if (isFinal(trouble.error) || uptime - revivedAt < REVIVE_AGAIN_AFTER_MS) return trouble;
  const soon = uptime + RECOVERY_MS * random();
  return { ...trouble, revivedAt: uptime, retryForCallerAt: uptime, retryAt: Math.min(trouble.retryAt, soon) };
}

/** True for an outage, which ends for all sessions at once. */
export const mayPass = (trouble: Trouble): boolean => !isFinal(trouble.error);

/** "sts-denied AccessDenied", or "bug" for what is no refusal. */
export function nameOf(error: unknown): string {
  if (!(error instanceof Refusal)) return "bug";
  const { failure } = error;
  return "code" in failure ? `${failure.kind} ${failure.code}` : failure.kind;
}

const FINAL: ReadonlySet<Failure["kind"]> = new Set(["sts-denied"]);
const isFinal = (error: unknown): boolean => error instanceof Refusal && FINAL.has(error.failure.kind);
