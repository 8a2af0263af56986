import assert from "node:assert/strict";
import { test } from "node:test";
import type { MockRequest } from "../../src/mock-ec2/http-exchange.ts";
import { canonicalRequest, signatureOf } from "../../src/mock-ec2/signature.ts";

const requestOf = (parts: Partial<MockRequest>): MockRequest => ({
  method: "GET",
  target: "/",
  headers: new Map([["host", ["example.com"]]]),
  body: new Uint8Array(),
  ...parts,
});

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, the example of IAM's ListUsers
test("AWS's own worked example has AWS's own signature", () => {
  const request = requestOf({
    target: "/?Action=ListUsers&Version=2010-05-08",
    headers: new Map([
      ["content-type", ["application/x-www-form-urlencoded; charset=utf-8"]],
      ["host", ["iam.amazonaws.com"]],
      ["x-amz-date", ["20150830T123600Z"]],
    ]),
  });
  const scope = {
    date: "20150830",
    region: "us-east-1",
    service: "iam",
    signedHeaders: ["content-type", "host", "x-amz-date"],
    signedAt: "20150830T123600Z",
  };
  assert.equal(
    signatureOf("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", request, scope),
    "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
  );
});

const EMPTY_HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

test("the canonical request is made of exactly what is signed", () => {
  const headers = new Map([
    ["host", ["example.com"]],
    ["my-header", ["  a   b  ", "c"]],
    ["unsigned", ["x"]],
  ]);
  const target = "/a%20b?b=2&a=%7E&a=+&B&X-Amz-Signature=00&c=%zz";
  assert.equal(
    canonicalRequest(requestOf({ target, headers }), ["host", "my-header"]),
    [
      "GET",
      "/a%2520b",
      "B=&a=%20&a=~&b=2&c=%25zz",
      "host:example.com",
      "my-header:a b,c",
      "",
      "host;my-header",
      EMPTY_HASH,
    ].join("\n"),
  );
});

test("the body is hashed, whatever a header says of it", () => {
  const headers = new Map([
    ["host", ["example.com"]],
    ["x-amz-content-sha256", [EMPTY_HASH]],
  ]);
  const lines = canonicalRequest(requestOf({ headers, body: Buffer.from("x") }), ["host"]).split("\n");
  assert.notEqual(lines.at(-1), EMPTY_HASH);
});
