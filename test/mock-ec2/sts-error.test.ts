import assert from "node:assert/strict";
import { test } from "node:test";
import { accessDenied, basicTime, invalidAction, isStsError, packedTooLarge } from "../../src/mock-ec2/sts-error.ts";

test("an instant is written in ISO 8601's basic form, to the second", () => {
  assert.equal(basicTime(Date.UTC(2030, 0, 2, 3, 4, 5, 678)), "20300102T030405Z");
});

test("an unknown operation names the version that was asked, or that none was", () => {
  assert.equal(invalidAction("X", "2011-06-15").message, "Could not find operation X for version 2011-06-15");
  assert.equal(invalidAction(null, null).message, "Could not find operation null for version NO_VERSION_SPECIFIED");
});

test("the reason of a denial is beside the message, not in it", () => {
  const error = accessDenied("arn:caller", "sts:AssumeRole", { resource: "arn:role", reason: "why" });
  assert.equal(error.message, "User: arn:caller is not authorized to perform: sts:AssumeRole on resource: arn:role");
  assert.equal(error.reason, "why");
});

test("an error is told from anything else by its kind", () => {
  assert.equal(isStsError(packedTooLarge(113)), true);
  assert.equal(isStsError({ kind: "host" }), false);
  assert.equal(isStsError({}), false);
});
