import assert from "node:assert/strict";
import { test } from "node:test";
import { worldSchema } from "../../src/mock-ec2/world-schema.ts";

const accepts = (file: unknown): boolean => worldSchema.safeParse(file).success;
const acceptsInstance = (instance: unknown): boolean => accepts({ instance });

test("an instance's values are checked one by one", () => {
  for (const [instance, ok] of [
    [{ id: "i-0123456789abcdef0" }, true],
    [{ id: "i-01234567" }, true],
    [{ id: "i-XYZ" }, false],
    [{ region: "us-gov-west-1", availabilityZone: "us-gov-west-1b" }, true],
    [{ region: "Frankfurt" }, false],
    [{ availabilityZone: "us-east-1aa" }, false],
    [{ role: "path/to/name" }, true],
    [{ role: "/name" }, false],
    [{ role: "name@111122223333" }, false],
    [{ accountId: "11112222333" }, false],
    [{ privateIp: "10.0.0.256" }, false],
    [{ userData: "x".repeat(16_385) }, false],
    [{ tags: { Name: "x", "aws:autoscaling:groupName": "g" } }, true],
    [{ tags: { "..": "x" } }, false],
    [{ tags: { _index: "x" } }, false],
    [{ lifecycle: "spot", spotInterruption: { action: "terminate", time: "2030-01-02T03:04:05Z" } }, true],
    [{ spotInterruption: { action: "vanish", time: "2030-01-02T03:04:05Z" } }, false],
    [{ rebalanceNoticeTime: "tomorrow" }, false],
  ] as const) {
    assert.equal(acceptsInstance(instance), ok, JSON.stringify(instance));
  }
});

test("users have AWS's kind of keys, each key id once", () => {
  const user = {
    arn: "arn:aws:iam::111122223333:user/ops/u",
    accessKeyId: "AKIAABCDEFGHIJKLMNOP",
    secretAccessKey: "0123456789abcdef",
  };
  assert.equal(accepts({ users: [user] }), true);
  assert.equal(accepts({ users: [user, user] }), false);
  assert.equal(accepts({ users: [{ ...user, accessKeyId: "ASIAABCDEFGHIJKLMNOP" }] }), false);
  assert.equal(accepts({ users: [{ ...user, arn: "arn:aws:iam::111122223333:role/u" }] }), false);
});

test("what the host may assume are patterns of ARNs", () => {
  assert.equal(accepts({ hostMayAssume: ["*", "arn:aws:iam::*:role/x/*"] }), true);
  assert.equal(accepts({ hostMayAssume: ["role/x"] }), false);
});
