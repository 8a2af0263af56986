import assert from "node:assert/strict";
import { test } from "node:test";
import type { MockRequest } from "../../src/mock-ec2/http-exchange.ts";
import { readSignatureClaim } from "../../src/mock-ec2/signature-claim.ts";
import { isStsError } from "../../src/mock-ec2/sts-error.ts";

const SCOPE = "ASIA1/20300102/us-east-1/sts/aws4_request";
const AUTHORIZATION = `AWS4-HMAC-SHA256 Credential=${SCOPE}, SignedHeaders=host;x-amz-date, Signature=abc`;

const requestOf = (headers: Readonly<Record<string, string>>, target = "/"): MockRequest => ({
  method: "POST",
  target,
  headers: new Map(Object.entries(headers).map(([name, value]) => [name, [value]])),
  body: new Uint8Array(),
});
const messageOf = (request: MockRequest): string | undefined => {
  const claim = readSignatureClaim(request);
  return claim !== undefined && isStsError(claim) ? `${claim.code} ${claim.status}: ${claim.message}` : undefined;
};

const CLAIM = {
  accessKeyId: "ASIA1",
  date: "20300102",
  region: "us-east-1",
  service: "sts",
  terminator: "aws4_request",
  signedHeaders: ["host", "x-amz-date"],
  signature: "abc",
  signedAt: "20300102T030405Z",
};

test("a header claim is read, with and without white space between its fields", () => {
  for (const authorization of [AUTHORIZATION, AUTHORIZATION.replaceAll(", ", ",")]) {
    const headers = { authorization, "x-amz-date": "20300102T030405Z", "x-amz-security-token": "t" };
    assert.deepEqual(readSignatureClaim(requestOf(headers)), { ...CLAIM, sessionToken: "t" });
  }
});

test("a Date header stands in for X-Amz-Date", () => {
  const headers = { authorization: AUTHORIZATION, date: "Wed, 02 Jan 2030 03:04:05 GMT" };
  assert.deepEqual(readSignatureClaim(requestOf(headers)), { ...CLAIM, sessionToken: undefined });
});

test("a query claim is read", () => {
  const query = new URLSearchParams({
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": SCOPE,
    "X-Amz-Date": "20300102T030405Z",
    "X-Amz-Expires": "60",
    "X-Amz-SignedHeaders": "host;x-amz-date",
    "X-Amz-Security-Token": "t",
    "X-Amz-Signature": "abc",
  });
  assert.deepEqual(readSignatureClaim(requestOf({}, `/?${query}`)), {
    ...CLAIM,
    sessionToken: "t",
    expiresSeconds: 60,
  });
  query.delete("X-Amz-Expires");
  assert.match(
    messageOf(requestOf({}, `/?${query}`)) ?? "",
    /^IncompleteSignature 400: .*must include 'X-Amz-Expires'/,
  );
});

test("an unsigned request has no claim", () => {
  assert.equal(readSignatureClaim(requestOf({}, "/?Action=GetCallerIdentity")), undefined);
});

test("a claim that lacks something says what, and never repeats a signature", () => {
  const date = { "x-amz-date": "20300102T030405Z" };
  for (const [authorization, headers, says] of [
    [
      "AWS ASIA1:c2ln",
      date,
      /requires 'Credential' parameter\. .*requires 'Signature' parameter\. .*requires 'SignedHeaders'/,
    ],
    ["Bearer x", date, /Authorization=Bearer x$/],
    [
      AUTHORIZATION.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
      date,
      /^IncompleteSignature 400: Authorization=/,
    ],
    [AUTHORIZATION, {}, /requires existence of either a 'X-Amz-Date' or a 'Date' header\./],
    [AUTHORIZATION.replace("Signature=abc", "Signature="), date, /requires 'Signature' parameter/],
    [
      AUTHORIZATION.replace("ASIA1/", "ASIA1 /"),
      date,
      /'\/20300102\/us-east-1\/sts\/aws4_request' not a valid key=value pair \(missing equal-sign\)/,
    ],
    [
      AUTHORIZATION.replace("/sts", ""),
      date,
      /Credential must have exactly 5 slash-delimited elements, .* got 'ASIA1\/20300102\/us-east-1\/aws4_request'/,
    ],
    [
      AUTHORIZATION,
      { "x-amz-date": "2030-01-02T03:04:05Z" },
      /Date must be in ISO-8601 'basic format'\. Got '2030-01-02T03:04:05Z'/,
    ],
  ] as const) {
    const message = messageOf(requestOf({ ...headers, authorization })) ?? "";
    assert.match(message, says);
    assert.ok(message.startsWith("IncompleteSignature 400: ") && !message.includes("Signature=abc"), message);
  }
});
