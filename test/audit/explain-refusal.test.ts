import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { explainRefusal } from "../../src/audit/explain-refusal.ts";
import { type Failure, Refusal } from "../../src/core/failure.ts";
import { stsRefusal } from "../../src/sts/sts-failure.ts";

const ROLE = "arn:aws:iam::111122223333:role/a-rather-long-path/of-a-team/and-a-reader-of-buckets";
const HOST = "arn:aws:sts::111122223333:assumed-role/container-host-of-the-team/i-0123456789abcdef0";
const TOKEN = "IQoJb3JpZ2luX2VjEAAaCXVzLWVhc3QtMSJHMEUCIQDvSecretSecret";

/** What the operator reads when STS says this. */
function explained(message: string, name = "AccessDenied") {
  const refusal = stsRefusal({ roleArn: ROLE, callerArn: HOST, now: 0 }, Object.assign(new Error(message), { name }));
  return explainRefusal(refusal) as { reason: string; remedy: string; cause?: string };
}

const SAYS = `User: ${HOST} is not authorized to perform: sts:AssumeRole`;
const PERMISSION = `a policy of the host's role (${HOST}) must allow sts:AssumeRole on ${ROLE}`;
const TRUST = `the trust policy of ${ROLE} must name the host's role (${HOST}) as its principal`;

describe("a denial of STS, explained", () => {
  it("names both places to look, and both roles", () => {
    const { reason, remedy } = explained(`${SAYS} on resource: ${ROLE}`);
    assert.equal(reason, `STS refused ${ROLE}: AccessDenied`);
    assert.equal(remedy, `two policies must agree, and the role must exist: ${PERMISSION}; ${TRUST}`);
  });

  for (const [says, first] of [
    [" on resource: R because no identity-based policy allows the sts:AssumeRole action", PERMISSION],
    [" on resource: R with an explicit deny in an identity-based policy", PERMISSION],
    [" on resource: R with an explicit deny in a service control policy", PERMISSION],
    [" because no permissions boundary allows the sts:AssumeRole action", PERMISSION],
    [" because no role trust policy allows the sts:AssumeRole action", TRUST],
    [" with an explicit deny in the role trust policy", TRUST],
    [" because no resource-based policy allows the sts:AssumeRole action", TRUST],
  ] as const) {
    it(`names the one first that STS names:${says}`, () => {
      const { remedy } = explained(SAYS + says);
      assert.ok(remedy.startsWith(`by STS's words, ${first}; and `), remedy);
      assert.ok(remedy.includes(PERMISSION) && remedy.includes(TRUST));
    });
  }

  it("repeats STS's own sentence, with the ARNs whole and nothing that could be a key", () => {
    const { cause = "" } = explained(`${SAYS} on resource: ${ROLE}; token ${TOKEN}`);
    assert.equal(cause, `${SAYS} on resource: ${ROLE}; token …`);
  });

  it("repeats no more than a few lines of it", () => {
    assert.equal(explained("no. ".repeat(1_000)).cause?.length, 500);
  });

  it("says what to set where a setting is wrong", () => {
    assert.match(explained("The requested DurationSeconds exceeds", "ValidationError").remedy, /sessionSeconds/);
  });

  it("does without the host's name where STS did not tell it", () => {
    const { remedy } = explainRefusal(new Refusal({ kind: "sts-denied", roleArn: ROLE, code: "AccessDenied" })) as {
      remedy: string;
    };
    assert.match(remedy, /^two policies must agree.*a policy of the host's role must allow/);
  });
});

describe("a call that STS did not answer, explained", () => {
  for (const [code, says] of [
    ["clock-ahead", /set this host's clock/],
    ["ExpiredToken", /instance profile/],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", /AWS_CA_BUNDLE/],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", /AWS_CA_BUNDLE/],
    ["ERR_PROXY_TUNNEL", /HTTPS_PROXY/],
    ["ENOTFOUND", /DNS/],
    ["http-502", /VPC endpoint/],
  ] as const) {
    it(`says for ${code} where to look`, () => {
      const failure: Failure = { kind: "sts-unavailable", roleArn: ROLE, code };
      assert.match((explainRefusal(new Refusal(failure)) as { remedy: string }).remedy, says);
    });
  }

  it("leaves a bug its stack", () => {
    const error = new Error("a bug");
    assert.deepEqual(explainRefusal(error), { err: error });
  });
});
