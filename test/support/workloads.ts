import assert from "node:assert/strict";
import type { Binding } from "../../src/broker/workload-resolver.ts";
import type { Credentials } from "../../src/core/credentials.ts";
import { type Failure, Refusal } from "../../src/core/failure.ts";
import type { GrantSettings } from "../../src/core/grant.ts";
import type { Peer } from "../../src/core/peer.ts";
import { RuleBook } from "../../src/core/rule-book.ts";
import { parseTemplate } from "../../src/core/session-template.ts";
import type { Workload } from "../../src/core/workload.ts";

export const MINUTE = 60_000;
/** 2026-01-02T03:04:05Z */
export const START = Date.UTC(2026, 0, 2, 3, 4, 5);

const NAME_AND_ID = parseTemplate("{container.name}-{container.id}");
assert.ok("parts" in NAME_AND_ID);

/** What operators have who set nothing. */
export const ANY_ROLE: GrantSettings = {
  accounts: {},
  roleRules: new RuleBook([]),
  sessionName: NAME_AND_ID,
  sessionSeconds: 3600,
  sessionTags: {},
  transitiveTags: [],
  host: "host-1",
};

export const workload = (name: string, role?: string): Workload => ({
  id: Buffer.from(name).toString("hex").padEnd(64, "0"),
  name,
  startedAt: "2026-01-01T00:00:00Z",
  ...(role !== undefined && { roleClaim: { text: role, place: "label taskrole.role" } }),
});

/** Whoever asks from there, by a network. */
export const peer = (address: string, port = 40_000): Peer => ({ address, port, isOnThisHost: false });

export const binding = (address: string, of: Workload): Binding => ({ address, workload: of, isCurrent: () => true });

export const credentials = (id: string, issuedAt = START): Credentials => ({
  accessKeyId: `ASIA${id}`,
  secretAccessKey: `secret-of-${id}`,
  sessionToken: `token-of-${id}`,
  issuedAt,
  expiresAt: issuedAt + 60 * MINUTE,
});

/** The failure a promise is refused with; anything else fails the test. */
export async function refused(promise: Promise<unknown>): Promise<Failure> {
  const error: unknown = await promise.then(
    () => new Error("it was not refused"),
    (reason: unknown) => reason,
  );
  if (error instanceof Refusal) return error.failure;
  throw error;
}

/** The same of a decision. */
export function refusalOf(decide: () => unknown): Failure {
  try {
    decide();
  } catch (error) {
    if (error instanceof Refusal) return error.failure;
    throw error;
  }
  return assert.fail("nothing was refused");
}

/** A clock the test turns by hand. */
export function clock(at = START) {
  let now = at;
  return { now: () => now, turn: (ms: number) => (now += ms), set: (to: number) => (now = to) };
}
