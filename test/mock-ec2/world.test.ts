import assert from "node:assert/strict";
import { test } from "node:test";
import { base32, hostRoleArn, instanceFrom, lastSegment, openWorld, uniqueId } from "../../src/mock-ec2/world.ts";

test("an instance's absent values fit the given ones", () => {
  for (const [region, zone, partition] of [
    ["us-east-1", "us-east-1a", "aws"],
    ["cn-north-1", "cn-north-1a", "aws-cn"],
    ["us-gov-west-1", "us-gov-west-1a", "aws-us-gov"],
    ["eusc-de-east-1", "eusc-de-east-1a", "aws-eusc"],
  ] as const) {
    const instance = instanceFrom({ region });
    assert.equal(instance.availabilityZone, zone);
    assert.equal(instance.partition, partition);
  }
  assert.equal(instanceFrom({ role: "a/b/c" }).instanceProfile, "c");
  assert.equal(instanceFrom({ role: "a", instanceProfile: "p/q" }).instanceProfile, "p/q");
  assert.equal(instanceFrom({ region: undefined }).region, "us-east-1");
});

test("the open world lets its host assume anything", () => {
  const world = openWorld();
  assert.deepEqual(world.hostMayAssume, ["*"]);
  assert.equal(world.roles, undefined);
  assert.equal(hostRoleArn(world.instance), "arn:aws:iam::111122223333:role/mock-ec2-host");
});

test("the name is what follows the last slash", () => {
  assert.equal(lastSegment("arn:aws:iam::111122223333:role/a/b"), "b");
  assert.equal(lastSegment("b"), "b");
});

test("a unique id has AWS's form, is always the same, and differs from thing to thing", () => {
  assert.match(uniqueId("AROA", "x"), /^AROA[A-Z2-7]{17}$/);
  assert.equal(uniqueId("AROA", "x"), uniqueId("AROA", "x"));
  assert.notEqual(uniqueId("AROA", "x"), uniqueId("AROA", "y"));
  assert.notEqual(uniqueId("AROA", "x").slice(4), uniqueId("AIPA", "x").slice(4));
  assert.equal(base32(Uint8Array.of(0, 25, 31, 32)), "AZ7A");
});
