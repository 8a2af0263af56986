import type { Credentials } from "../core/credentials.ts";
import { Refusal } from "../core/failure.ts";
import type { Grant } from "../core/grant.ts";
import type { Sleep } from "../kit/deadline.ts";
import { Pace } from "../kit/pace.ts";
import { PacedLanes } from "../kit/paced-lanes.ts";
import type { CredentialIssuer } from "./credential-issuer.ts";

/** Who goes first to STS: whoever is waited for, then what is to be renewed, then what will be asked for one day. */
const LANES = ["awaited", "renewal", "prefetch"] as const;
export type Lane = (typeof LANES)[number];

/**
 * One host's share of STS. AWS says of its quota only that it counts by account and region, over all hosts together;
 * a host of 1,000 containers needs 0.6 calls a second, and after its restart is done in ten seconds.
 */
export const STS_PACE = { perSecond: 100, burst: 64, slowestPerSecond: 1, recoverMs: 60_000 };
/** Calls under way together. */
const STS_AT_ONCE = 64;
/** Longer than this nobody is told to wait by one answer: it may be a proxy's, and it holds up all sessions. */
const LONGEST_PAUSE_MS = 60_000;

export interface PacedIssuerOptions {
  readonly issuer: CredentialIssuer;
  /** Milliseconds of a clock that never goes back. */
  readonly uptime: () => number;
  readonly sleep: Sleep;
}

/** Asks STS no faster than it likes: slower when it says so, and whoever is waited for first. */
export class PacedIssuer {
  readonly #options: PacedIssuerOptions;
  readonly #pace = new Pace(STS_PACE);
  readonly #lanes: PacedLanes<Lane>;

  constructor(options: PacedIssuerOptions) {
    this.#options = options;
    const { uptime, sleep } = options;
    this.#lanes = new PacedLanes({ lanes: LANES, pace: this.#pace, atOnce: STS_AT_ONCE, uptime, sleep });
  }

  /** @throws Refusal as {@link CredentialIssuer.issue} */
  issue(grant: Grant, lane: Lane): Promise<Credentials> {
    return this.#lanes.run(grant.sessionKey, lane, async () => {
      const startedAt = this.#options.uptime();
      try {
        return await this.#options.issuer.issue(grant, () => this.#pace.take(this.#options.uptime()));
      } catch (error) {
        this.#slowDownAfter(error, startedAt);
        throw error;
      }
    });
  }

  /** Somebody waits now for what was only going to be asked for. */
  hurry({ sessionKey }: Grant): void {
    this.#lanes.hurry(sessionKey);
  }

  /** Nobody will ask for it any more: it fails with `credentials-pending` where it was only going to be asked for, and STS is spared it. */
  callOff({ sessionKey, roleArn }: Grant): void {
    this.#lanes.drop(sessionKey, "prefetch", new Refusal({ kind: "credentials-pending", roleArn }));
  }

  /** STS is another from now on: what the former has borne says nothing of it, nor what it still answers. */
  startAfresh(): void {
    this.#pace.startAfresh(this.#options.uptime());
    this.#lanes.hasten();
  }

  #slowDownAfter(error: unknown, startedAt: number): void {
    if (!(error instanceof Refusal) || error.failure.kind !== "sts-throttled") return;
    const { retryAfterMs = 0 } = error.failure;
    this.#pace.slowDown(this.#options.uptime(), startedAt, Math.min(retryAfterMs, LONGEST_PAUSE_MS));
  }
}
