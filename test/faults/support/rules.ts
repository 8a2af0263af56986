import assert from "node:assert/strict";
import type { Telling } from "../faults.ts";
import { isServed, type Reply } from "./asker.ts";
import type { FaultyEc2 } from "./faulty-ec2.ts";
import type { LogLine } from "./faulty-host.ts";

/** What one caller is made to wait at most, and what a busy machine adds; the least patient SDKs wait a second. */
export const MOST_WAIT_MS = 350 + 450;

/** Credentials with less life than a sequence takes may end on their way. */
const ON_THE_WAY_MS = 1_000;

const inWords = ({ request, status, code, tookMs }: Reply): string =>
  `${request}: ${status}${code === undefined ? "" : ` ${code}`}, ${Math.round(tookMs)} ms`;

/** Whoever was handed credentials that are still valid is handed valid credentials, whatever happens. */
export class ServedWhileValid {
  #validUntil = 0;

  /**
   * @param reply to the sequence that began after the one before
   * @returns whether it had to be served
   */
  check(reply: Reply): boolean {
    const isHolder = reply.begunAt + ON_THE_WAY_MS < this.#validUntil;
    if (isHolder) assert.ok(isServed(reply), inWords(reply));
    if (isServed(reply)) this.#validUntil = reply.expiresAt ?? 0;
    return isHolder;
  }
}

/** @returns those that had to be served, and were */
export function servedWhileValid(replies: readonly Reply[]): readonly Reply[] {
  const rule = new ServedWhileValid();
  return replies.filter((reply) => rule.check(reply));
}

/** Nothing that an SDK trips over: 200 with a document that says what it is and has not ended, or 503. */
export function assertWellFormed(reply: Reply): void {
  const said = reply.status === 200 ? reply.code : String(reply.status);
  assert.ok(["Success", "AssumeRoleUnauthorizedAccess", "503"].includes(said ?? ""), inWords(reply));
  assert.ok((reply.expiresAt ?? Number.POSITIVE_INFINITY) > reply.begunAt, `had ended when it came: ${inWords(reply)}`);
}

/** And in time. */
export function assertDecent(replies: readonly Reply[]): void {
  for (const reply of replies) {
    assertWellFormed(reply);
    assert.ok(reply.tookMs <= MOST_WAIT_MS, inWords(reply));
  }
}

/** Each was given sessions of its own role, as STS issued them, and never the host's. */
export function assertOwnSessions(replies: readonly Reply[], role: string, ec2: FaultyEc2): void {
  for (const { keyId } of replies.filter(isServed)) assert.equal(ec2.sessions.get(keyId ?? ""), role);
}

/** The line by which the operator learns of it: what it is, why, and what to do. */
export function tellingLine(lines: readonly LogLine[], { kind, says }: Telling): LogLine {
  const withReason = lines.filter((line) => line["reason"] !== undefined);
  const telling = withReason.find((line) => kindOf(line) === kind && says.test(String(line["reason"])));
  assert.ok(
    telling,
    `no ${kind} that says ${says} among:\n${withReason.map((line) => JSON.stringify(line)).join("\n")}`,
  );
  assert.match(String(telling["remedy"]), /\w/);
  return telling;
}

/** Of the failure that a line is about; undefined where it is about none. */
export const kindOf = ({ refusal, failure }: LogLine): unknown => refusal ?? failure;

/** So many of its first characters give a secret away. */
const TELLING_LENGTH = 16;

export function assertNothingSecret(log: string, { secrets }: FaultyEc2): void {
  const beginnings = new Set([...secrets].map((secret) => secret.slice(0, TELLING_LENGTH)));
  assert.ok(beginnings.size > 0, "there is something to look for");
  const words = new Set(log.match(/[\w+/=-]{16,}/g));
  for (const word of words) {
    for (let at = 0; at + TELLING_LENGTH <= word.length; at += 1) {
      assert.ok(
        !beginnings.has(word.slice(at, at + TELLING_LENGTH)),
        `a secret in the log: ${word.slice(at, at + 4)}…`,
      );
    }
  }
}
