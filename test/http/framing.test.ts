import assert from "node:assert/strict";
import { test } from "node:test";
import { framingOf } from "../../src/http/framing.ts";
import { type HeaderFields, takeField } from "../../src/http/header-fields.ts";
import { RequestError } from "../../src/http/request-error.ts";
import { inputOf } from "./input-of.ts";

const CRT_HOST = "fd00:ec2::254";

function framing(version: "1.0" | "1.1", lines: readonly string[], method = "PUT") {
  const fields: HeaderFields = new Map();
  for (const line of lines) assert.equal(takeField(inputOf(`${line}\r\n`), fields), undefined);
  return framingOf({ method, target: "/", version }, fields);
}

// biome-ignore format: one row a line
const ACCEPTED: readonly [version: "1.0" | "1.1", lines: readonly string[], body: number | "chunked", keepAlive: boolean, because: string][] = [
  ["1.1", [],                                                      0,         true,  "nothing said (no Host either)"],
  ["1.0", [],                                                      0,         false, "1.0 closes unless asked"],
  ["1.0", ["Connection: Keep-Alive"],                              0,         true,  "1.0, asked"],
  ["1.0", ["Connection: keep-alive, close"],                       0,         false, "both: close"],
  ["1.1", ["Connection: keep-alive"],                              0,         true,  "as the CRT sends it"],
  ["1.1", ["Connection: TE, close", "TE: deflate,gzip;q=0.3"],     0,         false, "as perl sends it"],
  ["1.1", ["Connection: TE", "Connection: CLOSE"],                 0,         false, "close in the second field"],
  ["1.1", ["Connection: closed"],                                  0,         true,  "an option that only begins so"],
  ["1.1", ["Proxy-Connection: close"],                             0,         false, "node:http heeds it too"],
  ["1.1", ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"], 0,         false, "an offered upgrade: answered, then closed"],
  ["1.1", ["Upgrade: h2c"],                                        0,         true,  "an upgrade not offered on this hop"],
  ["1.1", ["Content-Length: 0"],                                   0,         true,  "as botocore sends it"],
  ["1.1", ["Content-Length: 0005"],                                5,         true,  "zeros first"],
  ["1.1", ["Content-Length: 1024"],                                1024,      true,  "as large as may be"],
  ["1.1", ["Transfer-Encoding: chunked"],                          "chunked", true,  "as s3fs sends it"],
  ["1.1", [`Host: ${CRT_HOST}`],                                   0,         true,  "a Host without brackets, as the CRT sends it"],
];

for (const [version, lines, body, keepAlive, because] of ACCEPTED) {
  test(`${version} ${lines.join("; ")}: body ${body}, ${keepAlive ? "stays" : "closes"}: ${because}`, () => {
    assert.deepEqual(framing(version, lines), { body, keepAlive, expectsContinue: false });
  });
}

// biome-ignore format: one row a line
const REFUSED: readonly [reason: RegExp, version: "1.0" | "1.1", lines: readonly string[], because: string][] = [
  [/twice/, "1.1", ["Host: a", "Host: a"],                                   "a second Host, though equal"],
  [/twice/, "1.1", ["Content-Length: 1", "Content-Length: 1"],               "a second Content-Length, though equal"],
  [/^Content-Length/, "1.1", ["Content-Length: 1, 1"],                                 "two lengths in one field"],
  [/^Content-Length/, "1.1", ["Content-Length:"],                                      "an empty length"],
  [/^Content-Length/, "1.1", ["Content-Length: +1"],                                   "a sign"],
  [/^Content-Length/, "1.1", ["Content-Length: -1"],                                   "a negative length"],
  [/^Content-Length/, "1.1", ["Content-Length: 0x1"],                                  "hexadecimal"],
  [/^Content-Length/, "1.1", ["Content-Length: 1e1"],                                  "an exponent"],
  [/^Content-Length/, "1.1", ["Content-Length: 1 1"],                                  "two numbers"],
  [/^Content-Length/, "1.1", ["Content-Length: \xb2"],                                 "a digit that is not ASCII's"],
  [/limit/, "1.1", ["Content-Length: 1025"],                                 "too large"],
  [/limit/, "1.1", ["Content-Length: 18446744073709551617"],                 "2^64 + 1, which some read as 1"],
  [/^both/, "1.1", ["Transfer-Encoding: chunked", "Content-Length: 0"],      "both framings"],
  [/twice/, "1.1", ["Transfer-Encoding: chunked", "Transfer-Encoding: x"],   "a second Transfer-Encoding"],
  [/^Transfer-Encoding/, "1.1", ["Transfer-Encoding: gzip, chunked"],                     "another coding"],
  [/^Transfer-Encoding/, "1.1", ["Transfer-Encoding: identity"],                          "a coding that is none"],
  [/^Transfer-Encoding/, "1.1", ["Transfer-Encoding: Chunked"],                           "not exactly chunked"],
  [/^Transfer-Encoding/, "1.1", ["Transfer-Encoding: \"chunked\""],                       "quoted"],
  [/^Transfer-Encoding/, "1.1", ["Transfer-Encoding:"],                                   "an empty coding"],
  [/1\.0/, "1.0", ["Transfer-Encoding: chunked"],                           "HTTP/1.0 has no chunks"],
  [/^Expect/, "1.1", ["Expect: 200-ok"],                                       "another expectation"],
  [/twice/, "1.1", ["Expect: 100-continue", "Expect: 100-continue"],         "a second Expect"],
];

for (const [reason, version, lines, because] of REFUSED) {
  test(`${version} ${lines.join("; ")} is refused: ${because}`, () => {
    const outcome = framing(version, lines);
    assert.ok(outcome instanceof RequestError);
    assert.match(outcome.reason, reason);
  });
}

test("a client waits for 100 Continue only when it has a body to send and speaks HTTP/1.1", () => {
  const expects = (version: "1.0" | "1.1", ...lines: string[]): unknown => {
    const outcome = framing(version, ["Expect: 100-Continue", ...lines]);
    return outcome instanceof RequestError ? outcome : outcome.expectsContinue;
  };
  assert.equal(expects("1.1", "Transfer-Encoding: chunked"), true);
  assert.equal(expects("1.1", "Content-Length: 1"), true);
  assert.equal(expects("1.1", "Content-Length: 0"), false);
  assert.equal(expects("1.1"), false);
  assert.equal(expects("1.0", "Content-Length: 1"), false);
});

test("nothing is read after CONNECT", () => {
  assert.deepEqual(framing("1.1", [], "CONNECT"), { body: 0, keepAlive: false, expectsContinue: false });
});
