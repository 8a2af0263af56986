import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Session, SessionKeys } from "../../src/mock-ec2/session-keys.ts";

const session: Session = {
  kind: "role",
  roleArn: "arn:aws:iam::111122223333:role/a/b",
  sessionName: "s-1",
  issuedAt: 1000,
  expiresAt: 2000,
  sourceIdentity: "alice",
  transitiveTags: { Team: "rød" },
};

test("keys have the form and the length of AWS's", () => {
  const credentials = new SessionKeys("seed").issue(session, "x");
  assert.match(credentials.accessKeyId, /^ASIA[A-Z2-7]{16}$/);
  assert.match(credentials.secretAccessKey, /^[A-Za-z0-9+/]{40}$/);
  assert.match(credentials.sessionToken, /^IQoJb3JpZ2luX2Vj[A-Za-z0-9+/=]{600,1000}$/);
  assert.deepEqual([credentials.issuedAt, credentials.expiresAt], [1000, 2000]);
});

test("another instance with the same seed knows the session and its secret; one with another seed does not", () => {
  const { accessKeyId, secretAccessKey, sessionToken } = new SessionKeys("seed").issue(session, "x");
  const same = new SessionKeys("seed");
  assert.deepEqual(same.sessionOf(accessKeyId, sessionToken), session);
  assert.equal(same.secretOf(accessKeyId), secretAccessKey);
  const other = new SessionKeys("other");
  assert.equal(other.sessionOf(accessKeyId, sessionToken), undefined);
  assert.notEqual(other.secretOf(accessKeyId), secretAccessKey);
});

test("a token is worth nothing with another key id", () => {
  const keys = new SessionKeys("seed");
  const [a, b] = [keys.issue(session, "a"), keys.issue(session, "b")];
  assert.notEqual(a.accessKeyId, b.accessKeyId);
  assert.equal(keys.sessionOf(a.accessKeyId, b.sessionToken), undefined);
});

test("a token shows nothing of its session", () => {
  const { sessionToken } = new SessionKeys("seed").issue(session, "x");
  assert.ok(!Buffer.from(sessionToken, "base64").toString("latin1").includes("alice"));
});

test("no altered token is taken for a session", () => {
  const keys = new SessionKeys("seed");
  const { accessKeyId, sessionToken } = keys.issue(session, "x");
  const bytes = Buffer.from(sessionToken, "base64");
  fc.assert(
    fc.property(fc.integer({ min: 0, max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const altered = Buffer.from(bytes);
      altered[at] = (altered[at] ?? 0) ^ flip;
      assert.equal(keys.sessionOf(accessKeyId, altered.toString("base64")), undefined);
    }),
  );
  for (const token of [
    "",
    "x",
    "IQoJb3JpZ2luX2Vj",
    sessionToken.slice(0, -4),
    `${sessionToken}AAAA`,
    ` ${sessionToken}`,
  ]) {
    assert.equal(keys.sessionOf(accessKeyId, token), undefined, token.slice(0, 20));
  }
});
