import { CredentialCache } from "../../src/broker/credential-cache.ts";
import { PacedIssuer } from "../../src/broker/paced-issuer.ts";
import type { FailedSession, RecoveredSession, SessionEvents } from "../../src/broker/session-events.ts";
import type { Credentials } from "../../src/core/credentials.ts";
import type { Grant } from "../../src/core/grant.ts";
import type { Sleep } from "../../src/kit/deadline.ts";
import { sleep } from "../../src/kit/sleep.ts";

export interface CacheClock {
  readonly now: () => number;
  /** The same clock by default: nobody sets it. */
  readonly uptime?: () => number;
  readonly sleep?: Sleep;
  readonly random?: () => number;
  readonly events?: SessionEvents;
}

/** As the daemon has it, over a stand-in for STS. */
export function sessionCache(issue: (grant: Grant) => Promise<Credentials>, time: CacheClock): CredentialCache {
  const { now, uptime = now, random = () => 0.5, events = { failed: () => {}, recovered: () => {} } } = time;
  const issuer = new PacedIssuer({ issuer: { issue }, uptime, sleep: time.sleep ?? sleep });
  return new CredentialCache({ issuer, now, uptime, random, events });
}

/** Session events, kept for the test to look at. */
export function recordedEvents() {
  const failed: FailedSession[] = [];
  const recovered: RecoveredSession[] = [];
  const events: SessionEvents = { failed: (event) => failed.push(event), recovered: (event) => recovered.push(event) };
  return { failed, recovered, events };
}

/** @param name of the role: each has a session of its own */
export const grantOf = (name: string, sessionSeconds = 3600): Grant => ({
  roleArn: `arn:aws:iam::111122223333:role/${name}`,
  roleName: name,
  sessionName: name,
  sessionSeconds,
  sessionKey: JSON.stringify([name, sessionSeconds]),
  decidedBy: { place: "label taskrole.role" },
});
