import type { EpochMs } from "../core/credentials.ts";
import type { Grant } from "../core/grant.ts";

/** A call for a session failed: the first time in this way, or the first since what was in hand has ended. It is repeated by itself. */
export interface FailedSession {
  readonly grant: Grant;
  readonly error: unknown;
  /** What is in hand is served till then; undefined when there is nothing, and who asks gets an error. */
  readonly servedUntil: EpochMs | undefined;
}

export interface RecoveredSession {
  readonly grant: Grant;
  /** What it was. */
  readonly error: unknown;
  /** Calls that failed, in a row. */
  readonly failures: number;
}

/** Told what becomes of sessions, whether or not anybody asks for them. */
export interface SessionEvents {
  failed(event: FailedSession): void;
  recovered(event: RecoveredSession): void;
}
