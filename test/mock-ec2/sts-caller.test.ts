import assert from "node:assert/strict";
import { test } from "node:test";
import type { MockRequest } from "../../src/mock-ec2/http-exchange.ts";
import { signatureOf } from "../../src/mock-ec2/signature.ts";
import { assumedRole, type Caller, callerOf } from "../../src/mock-ec2/sts-caller.ts";
import { isStsError } from "../../src/mock-ec2/sts-error.ts";
import { HOST_ROLE, HOST_SESSION, NOON, type Signing, signedPost, stsBench, withHeader, worldOf } from "./sts-bench.ts";

const USER = {
  arn: "arn:aws:iam::111122223333:user/ops/alice",
  accessKeyId: "AKIAABCDEFGHIJKLMNOP",
  secretAccessKey: "0123456789abcdef",
  mayAssume: [],
};
const world = worldOf({ users: [USER] });
const bench = stsBench(world);
const FORM = { Action: "GetCallerIdentity" };

const signed = (parts: Partial<Signing> = {}): MockRequest => signedPost(FORM, { keys: bench.hostKeys(), ...parts });
const ask = (request: MockRequest, now = NOON) => callerOf(request, { world, keys: bench.keys, now });
const refusal = (outcome: ReturnType<typeof ask>): string =>
  isStsError(outcome) ? `${outcome.code} ${outcome.status}: ${outcome.message}` : `accepted ${outcome.arn}`;

test("the host's keys prove the host's session", () => {
  const caller = ask(signed());
  assert.ok(!isStsError(caller));
  const { session, ...names } = caller as Caller;
  assert.deepEqual(names, {
    arn: HOST_SESSION,
    principalArn: HOST_ROLE,
    accountId: "111122223333",
    partition: "aws",
    userId: assumedRole(HOST_ROLE, "i-0123456789abcdef0").userId,
  });
  assert.equal(session?.kind, "host");
});

test("a user's long-lived keys prove the user, who has no session", () => {
  const caller = ask(signed({ keys: USER }));
  assert.ok(!isStsError(caller));
  assert.deepEqual([caller.arn, caller.principalArn, caller.session], [USER.arn, USER.arn, undefined]);
  assert.match(caller.userId, /^AIDA[A-Z2-7]{17}$/);
});

const MISMATCH = /^SignatureDoesNotMatch 403: The request signature we calculated does not match/;

test("what was signed cannot be changed afterwards", () => {
  const request = signed();
  const tampered: readonly (readonly [string, MockRequest])[] = [
    ["body", { ...request, body: Buffer.from(request.body.toString().replace("Get", "Set")) }],
    ["one byte more", { ...request, body: Buffer.concat([request.body, Buffer.from("&")]) }],
    ["a signed header", withHeader(request, "content-type", "text/plain")],
    ["the host", withHeader(request, "host", "sts.amazonaws.com")],
    ["the method", { ...request, method: "GET" }],
    ["the path", { ...request, target: "/x" }],
    ["the query", { ...request, target: "/?Action=AssumeRole" }],
    ["the time", withHeader(request, "x-amz-date", "20300102T030406Z")],
    [
      "a second value of a signed header",
      { ...request, headers: new Map([...request.headers, ["host", ["127.0.0.1:1339", "x"]]]) },
    ],
  ];
  for (const [what, changed] of tampered) assert.match(refusal(ask(changed)), MISMATCH, what);
});

test("the wrong secret signs for nobody", () => {
  const keys = { ...bench.hostKeys(), secretAccessKey: "x".repeat(40) };
  assert.match(refusal(ask(signed({ keys }))), MISMATCH);
  assert.match(refusal(ask(signed({ keys: { ...USER, secretAccessKey: "wrong" } }))), MISMATCH);
});

test("a signature for elsewhere is refused before anything else", () => {
  assert.equal(
    refusal(ask(signed({ region: "eu-west-1" }))),
    "SignatureDoesNotMatch 403: Credential should be scoped to a valid region. ",
  );
  assert.equal(
    refusal(ask(signed({ service: "iam" }))),
    "SignatureDoesNotMatch 403: Credential should be scoped to correct service: 'sts'. ",
  );
  const otherDay = signed().headers.get("authorization")?.[0]?.replace("/20300102/", "/20300101/") ?? "";
  assert.match(
    refusal(ask(withHeader(signed(), "authorization", otherDay))),
    /Date in Credential scope does not match/,
  );
  const otherEnd = otherDay.replace("/20300101/", "/20300102/").replace("aws4_request", "aws5_request");
  assert.match(refusal(ask(withHeader(signed(), "authorization", otherEnd))), /valid terminator: 'aws4_request'/);
});

test("five minutes of skew are tolerated either way, and not a second more", () => {
  const minutes = 60_000;
  for (const at of [NOON - 5 * minutes, NOON + 5 * minutes]) assert.match(refusal(ask(signed({ at }))), /^accepted/);
  assert.equal(
    refusal(ask(signed({ at: NOON - 5 * minutes - 1000 }))),
    "SignatureDoesNotMatch 403: Signature expired: 20300102T025904Z is now earlier than 20300102T025905Z (20300102T030405Z - 5 min.)",
  );
  assert.equal(
    refusal(ask(signed({ at: NOON + 5 * minutes + 1000 }))),
    "SignatureDoesNotMatch 403: Signature not yet current: 20300102T030906Z is still later than 20300102T030905Z (20300102T030405Z + 5 min.)",
  );
});

test("a session is good to its last millisecond, then ExpiredToken", () => {
  const keys = bench.hostKeys();
  const last = keys.expiresAt - 1;
  assert.match(refusal(ask(signed({ keys, at: last }), last)), /^accepted/);
  assert.equal(
    refusal(ask(signed({ keys, at: keys.expiresAt }), keys.expiresAt)),
    "ExpiredToken 403: The security token included in the request is expired",
  );
});

test("keys that are nobody's are InvalidClientTokenId", () => {
  const keys = bench.hostKeys();
  const { accessKeyId, secretAccessKey } = keys;
  for (const [because, odd] of [
    ["a session's key without its token", { accessKeyId, secretAccessKey }],
    ["a token that was altered", { ...keys, sessionToken: `A${keys.sessionToken.slice(1)}` }],
    ["another key's token", { ...keys, accessKeyId: "ASIAABCDEFGHIJKLMNOP" }],
    ["a user's key with a token", { ...USER, sessionToken: keys.sessionToken }],
    ["an unknown user", { accessKeyId: "AKIAZZZZZZZZZZZZZZZZ", secretAccessKey }],
  ] as const) {
    assert.match(
      refusal(ask(signed({ keys: odd }))),
      /^InvalidClientTokenId 403: The security token included/,
      because,
    );
  }
});

test("an unsigned request, and one that does not sign its host, are nobody's", () => {
  const { body, method, target } = signed();
  assert.equal(
    refusal(ask({ method, target, body, headers: new Map() })),
    "MissingAuthenticationToken 403: Request is missing Authentication Token",
  );
  assert.match(
    refusal(ask(signed({ signedHeaders: ["x-amz-date"] }))),
    /'Host' or ':authority' must be a 'SignedHeader'/,
  );
});

function presigned(expiresSeconds: number, secret = bench.hostKeys().secretAccessKey): MockRequest {
  const keys = bench.hostKeys();
  const signedAt = "20300102T030405Z";
  const query = new URLSearchParams({
    Action: "GetCallerIdentity",
    Version: "2011-06-15",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": `${keys.accessKeyId}/20300102/us-east-1/sts/aws4_request`,
    "X-Amz-Date": signedAt,
    "X-Amz-Expires": String(expiresSeconds),
    "X-Amz-SignedHeaders": "host",
    "X-Amz-Security-Token": keys.sessionToken,
  });
  const request: MockRequest = {
    method: "GET",
    target: `/?${query}`,
    headers: new Map([["host", ["h"]]]),
    body: new Uint8Array(),
  };
  const scope = { date: "20300102", region: "us-east-1", service: "sts", signedHeaders: ["host"], signedAt };
  return { ...request, target: `${request.target}&X-Amz-Signature=${signatureOf(secret, request, scope)}` };
}

test("a presigned request is good for as long as it says", () => {
  const request = presigned(60);
  assert.match(refusal(ask(request, NOON + 60_000)), /^accepted/);
  assert.match(refusal(ask(request, NOON + 61_000)), /^SignatureDoesNotMatch 403: Signature expired/);
  assert.match(
    refusal(ask({ ...request, target: request.target.replace("X-Amz-Expires=60", "X-Amz-Expires=6000") })),
    MISMATCH,
  );
  assert.match(refusal(ask(presigned(60, "wrong"))), MISMATCH);
});

test("the role's path is in neither name of a session", () => {
  const { arn, userId } = assumedRole("arn:aws-cn:iam::444455556666:role/a/b/c", "s");
  assert.equal(arn, "arn:aws-cn:sts::444455556666:assumed-role/c/s");
  assert.match(userId, /^AROA[A-Z2-7]{17}:s$/);
  assert.notEqual(userId, assumedRole("arn:aws-cn:iam::444455556666:role/c", "s").userId);
});
