import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Failure } from "../../src/core/failure.ts";
import { failureResponse } from "../../src/metadata/failure-response.ts";
import { START } from "../support/workloads.ts";

const SECRET = "arn:aws:iam::111122223333:role/secret-team/name";
const EVERY_FAILURE: { readonly [Kind in Failure["kind"]]: [number, Extract<Failure, { kind: Kind }>] } = {
  "malformed-request": [400, { kind: "malformed-request", reason: SECRET }],
  "token-ttl-invalid": [400, { kind: "token-ttl-invalid" }],
  "token-missing": [401, { kind: "token-missing" }],
  "token-invalid": [401, { kind: "token-invalid" }],
  "host-not-allowed": [403, { kind: "host-not-allowed", host: SECRET }],
  "token-forwarded": [403, { kind: "token-forwarded" }],
  "token-path-versioned": [403, { kind: "token-path-versioned" }],
  "unknown-peer": [403, { kind: "unknown-peer", address: SECRET }],
  "contested-peer": [403, { kind: "contested-peer", address: SECRET, claimants: [SECRET] }],
  "unknown-connection": [403, { kind: "unknown-connection", address: SECRET, port: 1, reason: SECRET }],
  "host-network-refused": [404, { kind: "host-network-refused", address: SECRET, workload: SECRET }],
  "path-unknown": [404, { kind: "path-unknown" }],
  "path-forbidden": [404, { kind: "path-forbidden", path: SECRET, because: SECRET }],
  "bad-paths": [404, { kind: "bad-paths", workload: SECRET, place: SECRET, reason: SECRET }],
  "authorization-not-set": [401, { kind: "authorization-not-set", workload: SECRET }],
  "authorization-missing": [401, { kind: "authorization-missing" }],
  "authorization-invalid": [401, { kind: "authorization-invalid" }],
  "path-blocked": [404, { kind: "path-blocked", path: SECRET }],
  "bad-tokens": [401, { kind: "bad-tokens", workload: SECRET, place: SECRET, text: SECRET }],
  "no-rule": [404, { kind: "no-rule", workload: SECRET }],
  "role-refused": [404, { kind: "role-refused", workload: SECRET, roleArn: SECRET, rule: 1, because: SECRET }],
  "bad-session": [404, { kind: "bad-session", workload: SECRET, place: SECRET, reason: SECRET }],
  "no-role": [404, { kind: "no-role", workload: SECRET }],
  "bad-role": [404, { kind: "bad-role", workload: SECRET, place: SECRET, reason: SECRET }],
  "role-mismatch": [404, { kind: "role-mismatch", requested: SECRET, granted: SECRET }],
  "method-not-allowed": [405, { kind: "method-not-allowed", allow: "PUT" }],
  "identity-unavailable": [503, { kind: "identity-unavailable", address: SECRET, reason: SECRET }],
  "sts-unavailable": [503, { kind: "sts-unavailable", roleArn: SECRET, code: SECRET }],
  "sts-throttled": [503, { kind: "sts-throttled", roleArn: SECRET, code: SECRET, retryAfterMs: 1 }],
  "credentials-pending": [503, { kind: "credentials-pending", roleArn: SECRET }],
  "upstream-unavailable": [503, { kind: "upstream-unavailable", what: SECRET, reason: SECRET }],
  "sts-denied": [200, { kind: "sts-denied", roleArn: SECRET, code: SECRET }],
};

describe("failureResponse", () => {
  for (const [kind, [status, failure]] of Object.entries(EVERY_FAILURE)) {
    it(`answers ${kind} to who asks for container credentials in JSON that SDKs can print, never with 200`, () => {
      const response = failureResponse(failure, { surface: "credentials", at: START });
      const body = Buffer.from(response.body).toString("utf8");
      assert.equal(response.status, status === 200 ? 403 : status);
      assert.deepEqual(Object.keys(JSON.parse(body)), ["code", "message"]);
      assert.ok(!body.includes("secret-team"), body);
      assert.ok(JSON.parse(body).code !== "InternalServerError", "a status without words of its own");
    });
  }

  for (const [kind, [status, failure]] of Object.entries(EVERY_FAILURE)) {
    it(`answers ${kind} with ${status}, and repeats nothing of it`, () => {
      const response = failureResponse(failure, { surface: "metadata", at: START });
      const body = Buffer.from(response.body).toString("utf8");
      assert.equal(response.status, status);
      assert.ok(!body.includes("secret-team"), body);
      if (status !== 200) assert.ok(body.length < 400 && body.includes("\n"), body);
    });
  }

  it("names the allowed method with a 405", () => {
    const { headers } = failureResponse(
      { kind: "method-not-allowed", allow: "PUT" },
      { surface: "metadata", at: START },
    );
    assert.deepEqual(headers.at(-1), ["Allow", "PUT"]);
  });
});
