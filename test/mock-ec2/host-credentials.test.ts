import assert from "node:assert/strict";
import { test } from "node:test";
import { HostCredentials } from "../../src/mock-ec2/host-credentials.ts";
import { SessionKeys } from "../../src/mock-ec2/session-keys.ts";
import { instanceFrom } from "../../src/mock-ec2/world.ts";

const HOUR = 3_600_000;
const instance = instanceFrom({ role: "fleet/host" });

function bench() {
  let now = 0;
  const keys = new SessionKeys("seed");
  const credentials = new HostCredentials({ keys, now: () => now, lifetimeMs: 6 * HOUR });
  const turnTo = (hour: number): void => {
    now = hour * HOUR;
  };
  return { keys, credentials, turnTo };
}

test("a set lasts six hours and is replaced when half of them are over", () => {
  const { credentials, turnTo } = bench();
  const first = credentials.ofProfile(instance);
  assert.equal(first.expiresAt - first.issuedAt, 6 * HOUR);
  turnTo(2.99);
  assert.deepEqual(credentials.ofProfile(instance), first);
  turnTo(3);
  const second = credentials.ofProfile(instance);
  assert.notEqual(second.accessKeyId, first.accessKeyId);
  assert.equal(second.expiresAt, 9 * HOUR);
});

test("at every moment at least half of the life is left", () => {
  const { credentials, turnTo } = bench();
  for (let hour = 0; hour < 30; hour += 0.7) {
    turnTo(hour);
    assert.ok(credentials.ofProfile(instance).expiresAt - hour * HOUR >= 3 * HOUR, `hour ${hour}`);
  }
});

test("the session is the instance's, of the host's role or of the identity role", () => {
  const { keys, credentials } = bench();
  const sessionOf = ({ accessKeyId, sessionToken }: { accessKeyId: string; sessionToken: string }) =>
    keys.sessionOf(accessKeyId, sessionToken);
  const host = sessionOf(credentials.ofProfile(instance));
  assert.deepEqual(
    [host?.kind, host?.roleArn, host?.sessionName],
    ["host", "arn:aws:iam::111122223333:role/fleet/host", instance.id],
  );
  const identity = sessionOf(credentials.ofIdentity(instance));
  assert.deepEqual(
    [identity?.kind, identity?.roleArn],
    ["identity", "arn:aws:iam::111122223333:role/aws:ec2-instance"],
  );
});
