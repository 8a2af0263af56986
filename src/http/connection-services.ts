import type { EpochMs } from "../core/credentials.ts";
import type { HttpDate } from "./http-date.ts";
import type { HttpHandler } from "./http-message.ts";
import type { SweepClock } from "./sweep-clock.ts";

/** One answer, or one that was not given. Holds nothing secret: tokens travel in fields and bodies. */
export interface AccessEvent {
  readonly peerAddress: string;
  /** undefined when the request could not be read. */
  readonly method: string | undefined;
  readonly target: string | undefined;
  /** undefined when the connection was reset instead, since `mayBeSent` said no. */
  readonly status: number | undefined;
  /** From the last byte of the request to the write of the answer; 0 when there was no whole request. */
  readonly durationMs: number;
  /** Why the edge itself answered, in place of the surface. */
  readonly refusal: string | undefined;
}

/** In milliseconds; each is kept to within two sweeps, never cut short. */
export interface ConnectionLimits {
  /** From a request's first byte (for the first request, from accept) to its last. */
  readonly requestMs: number;
  /** From a request's last byte to its answer: the surface bounds its own waits, so longer than this is a bug. */
  readonly answerMs: number;
  /** For the client to take an answer. */
  readonly writeMs: number;
  /** Between an answer and the next request. */
  readonly idleMs: number;
  /** From the end of our last answer to the client's end. */
  readonly lingerMs: number;
}

/** What all connections of one server share. */
export interface ConnectionServices<Connection> {
  readonly handle: HttpHandler;
  readonly now: () => EpochMs;
  readonly date: HttpDate;
  readonly clock: SweepClock;
  readonly limits: ConnectionLimits;
  /** Neither this nor `onError` may throw. */
  readonly onAccess: (event: AccessEvent) => void;
  readonly onError: (error: unknown) => void;
  /** Told once, at the moment the connection can no longer carry an answer. */
  readonly onGone: (connection: Connection) => void;
}
