import assert from "node:assert/strict";
import { test } from "node:test";
import { BODY_TOO_LARGE } from "../../src/http/framing.ts";
import { ChunkedBody, SizedBody } from "../../src/http/request-body.ts";
import { inputOf } from "./input-of.ts";

/** How the body ends, and what is left after it. */
function skimmed(body: ChunkedBody | SizedBody, text: string): readonly [outcome: unknown, left: number] {
  const input = inputOf(text);
  const outcome = body.skim(input);
  if (typeof outcome !== "object") return [outcome, input.unread];
  return [outcome === BODY_TOO_LARGE ? "too large" : "refused", input.unread];
}

const x = (count: number): string => "x".repeat(count);

// biome-ignore format: one row a line
const CHUNKED: readonly [text: string, outcome: unknown, because: string][] = [
  ["0\r\n\r\n",                              "ended",   "no data, as s3fs sends it"],
  ["5\r\nhello\r\n0\r\n\r\n",                "ended",   "one chunk"],
  ["5\r\nhe\r\no\r\n0\r\n\r\n",              "ended",   "data may hold line ends"],
  ["005\r\nhello\r\nA\r\n0123456789\r\n00\r\n\r\n", "ended", "zeros first, capital digits"],
  ["1;a;b=c\r\nx\r\n0;d=e\r\n\r\n",          "ended",   "plain extensions"],
  ["0\r\nX-Checksum: 1\r\nA: b\r\n\r\n",     "ended",   "trailers"],
  [`400\r\n${x(1024)}\r\n0\r\n\r\n`,         "ended",   "as large as may be"],
  ["5\r\nhell",                              undefined, "data to come"],
  ["0\r\n",                                  undefined, "the last line to come"],
  ["401\r\n",                                "too large", "too large, refused before its data"],
  [`200\r\n${x(512)}\r\n201\r\n`,            "too large", "too large in sum"],
  ["ffffffff\r\n",                           "too large", "too large"],
  ["100000000\r\n",                          "refused", "nine digits, 2^32"],
  ["\r\n",                                   "refused", "no size"],
  ["5 \r\nhello\r\n",                        "refused", "a space after the size"],
  [" 5\r\nhello\r\n",                        "refused", "a space before the size"],
  ["-5\r\nhello\r\n",                        "refused", "a sign"],
  ["0x5\r\nhello\r\n",                       "refused", "a prefix"],
  ["5\nhello\r\n",                           "refused", "a bare LF after the size"],
  ["5\r\nhello\n0\r\n\r\n",                  "refused", "a bare LF after the data"],
  ["5\r\nhello!\r\n0\r\n\r\n",               "refused", "more data than its size"],
  ["5;\r\nhello\r\n",                        "refused", "an empty extension"],
  ["5;a=\"b\"\r\nhello\r\n",                 "refused", "a quoted extension"],
  ["5;a\rb\r\nhello\r\n",                    "refused", "a bare CR in an extension"],
  [`1;${x(9000)}`,                           "too large", "an extension without end"],
  [`0\r\nA: ${x(9000)}`,                     "too large", "a trailer without end"],
  [`0\r\n${"A: b\r\n".repeat(65)}\r\n`,      "too large", "too many trailers"],
  ["0\r\n folded\r\n\r\n",                   "refused", "a folded trailer"],
  ["0\r\nContent-Length: 1\r\n\r\n",         "refused", "framing in a trailer"],
  ["0\r\nConnection: close\r\n\r\n",         "refused", "an option in a trailer"],
];

for (const [text, outcome, because] of CHUNKED) {
  test(`chunked ${JSON.stringify(text.slice(0, 40))} is ${outcome}: ${because}`, () => {
    assert.equal(skimmed(new ChunkedBody(), text)[0], outcome);
  });
}

test("one-byte chunks cannot cost more than the bound on the wire", () => {
  assert.equal(skimmed(new ChunkedBody(), `${"1;abcdefgh\r\nx\r\n".repeat(600)}0\r\n\r\n`)[0], "too large");
});

test("a body takes its own bytes and none of what follows", () => {
  assert.deepEqual(skimmed(new ChunkedBody(), "1\r\nx\r\n0\r\n\r\nGET /"), ["ended", 5]);
  assert.deepEqual(skimmed(new SizedBody(3), "xyzGET /"), ["ended", 5]);
  assert.deepEqual(skimmed(new SizedBody(9), "xyz"), [undefined, 0]);
});
