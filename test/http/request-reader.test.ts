import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RequestError } from "../../src/http/request-error.ts";
import { RequestReader } from "../../src/http/request-reader.ts";
import { peer } from "../support/workloads.ts";
import { bytesNearLimits, requestBytes } from "./request-bytes.ts";

const PEER = peer("10.0.0.2");

/** Everything read from the segments, as plain values. */
function readAll(segments: readonly Buffer[]): unknown[] {
  const reader = new RequestReader(PEER);
  return segments.flatMap((segment) => {
    reader.push(segment);
    return [...eventsOf(reader)];
  });
}

function* eventsOf(reader: RequestReader): Generator<unknown> {
  for (let event = reader.read(); event !== undefined; event = reader.read()) {
    if (event === "need-continue" || event instanceof RequestError) yield event;
    else yield { ...event.request, headers: [...event.request.headers], keepAlive: event.keepAlive };
  }
}

const readText = (text: string): unknown[] => readAll([Buffer.from(text, "latin1")]);
const request = (target: string, rest = {}): object => ({
  method: "GET",
  target,
  version: "1.1",
  headers: [],
  peer: PEER,
  keepAlive: true,
  ...rest,
});
const isRefusal = (event: unknown): boolean => event instanceof RequestError;

test("pipelined requests come out in order, with the peer on each", () => {
  assert.deepEqual(readText("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\nA: b\r\n\r\nGET /c HT"), [
    request("/a"),
    request("/b", { headers: [["a", ["b"]]] }),
  ]);
});

test("s3fs's token request: chunked, after 100 Continue", () => {
  const head = "PUT /latest/api/token HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n";
  const headers = [
    ["transfer-encoding", ["chunked"]],
    ["expect", ["100-continue"]],
  ];
  const put = request("/latest/api/token", { method: "PUT", headers });
  assert.deepEqual(readText(head), ["need-continue"]);
  assert.deepEqual(readText(`${head}0\r\n\r\nGET /next HTTP/1.1\r\n\r\n`), ["need-continue", put, request("/next")]);
});

test("a body is thrown away, and what follows is the next request", () => {
  const text = "GET /a HTTP/1.1\r\nContent-Length: 4\r\n\r\nGET GET /b HTTP/1.1\r\n\r\n";
  assert.deepEqual(readText(text), [request("/a", { headers: [["content-length", ["4"]]] }), request("/b")]);
});

test("one empty line before a request is skipped, a second is not", () => {
  assert.deepEqual(readText("\r\nGET /a HTTP/1.1\r\n\r\n\r\nGET /b HTTP/1.1\r\n\r\n"), [request("/a"), request("/b")]);
  assert.deepEqual(readText("\r\n\r\nGET /a HTTP/1.1\r\n\r\n").map(isRefusal), [true]);
});

test("nothing is read after a request that closes, nor after an error", () => {
  assert.equal(readText("GET /a HTTP/1.1\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\n\r\n").length, 1);
  assert.equal(readText("GET /a HTTP/1.0\r\n\r\nGET /b HTTP/1.1\r\n\r\n").length, 1);
  assert.deepEqual(readText("GET /a\r\n\r\nGET /b HTTP/1.1\r\n\r\n").map(isRefusal), [true]);
});

// biome-ignore format: one row a line
const REFUSED: readonly [reason: RegExp, text: string, because: string][] = [
  [/method/,  "GET / HTTP/1.1\nHost: a\r\n\r\n",                          "a bare LF after the request line"],
  [/CRLF/,    "GET / HTTP/1.1\r\nHost: a\n",                              "a bare LF after a field, at once"],
  [/name/,    "GET / HTTP/1.1\r\nHost: a\r\n\n",                          "a bare LF for the empty line"],
  [/method/,  "\nGET / HTTP/1.1\r\n\r\n",                                 "a bare LF first"],
  [/method/,  "GET / HTTP/1.1\r\r\n\r\n",                                 "two CRs"],
  [/fold/,    "GET / HTTP/1.1\r\n folded: x\r\n\r\n",                     "folding before any field"],
  [/fold/,    "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",                     "folding"],
  [/fold/,    "GET / HTTP/1.1\r\nA: b\r\n \r\n\r\n",                      "folding of nothing"],
  [/control/, "GET / HTTP/1.1\r\nA: b\0c\r\n\r\n",                        "NUL"],
  [/twice/,   "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n",             "a second Host"],
  [/limit/,   `GET /${"a".repeat(8192)}`,                                 "a request line without end"],
  [/limit/,   `GET / HTTP/1.1\r\nA: ${"b".repeat(8192)}`,                 "a field without end"],
  [/limit/,   `GET / HTTP/1.1\r\n${"a:\r\n".repeat(65)}\r\n`,             "65 fields"],
];

for (const [reason, text, because] of REFUSED) {
  test(`refuses ${JSON.stringify(text.slice(0, 50))}: ${because}`, () => {
    const [event, ...rest] = readText(text);
    assert.ok(event instanceof RequestError);
    assert.match(event.reason, reason);
    assert.deepEqual(rest, []);
  });
}

test("the limits themselves are allowed: 8 KiB of head, 64 fields", () => {
  const head = (bytes: number): string => {
    const text = "GET / HTTP/1.1\r\nA: \r\n\r\n";
    return text.replace("A: ", `A: ${"b".repeat(bytes - text.length)}`);
  };
  assert.deepEqual(readText(head(8192)).map(isRefusal), [false]);
  assert.deepEqual(readText(head(8193)).map(isRefusal), [true]);
  assert.deepEqual(readText(`GET / HTTP/1.1\r\n${"a:\r\n".repeat(64)}\r\n`).map(isRefusal), [false]);
});

test("mid-request from the first byte to the last, and never because of an empty line", () => {
  const reader = new RequestReader(PEER);
  const states = ["\r\n", "G", "ET / HTTP/1.1\r\nContent-Length: 1\r\n\r\n", "x"].map((text) => {
    reader.push(Buffer.from(text));
    reader.read();
    return reader.isMidRequest;
  });
  assert.deepEqual(states, [false, true, true, false]);
});

/** Cuts bytes at the given places (any numbers). */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end));
}

test("any bytes, split anyhow, read the same", () => {
  fc.assert(
    fc.property(requestBytes(), fc.array(fc.nat(), { maxLength: 20 }), (bytes, places) => {
      assert.deepEqual(readAll(cut(bytes, places)), readAll([bytes]));
    }),
    { numRuns: 2_000 },
  );
});

test("what is at a limit or one beyond it, split anyhow, reads the same", () => {
  const ends = { read: 0, refused: 0 };
  fc.assert(
    fc.property(bytesNearLimits(), fc.array(fc.nat(), { maxLength: 20 }), (bytes, places) => {
      const events = readAll([bytes]);
      assert.deepEqual(readAll(cut(bytes, places)), events);
      ends[isRefusal(events.at(-1)) ? "refused" : "read"] += 1;
    }),
    { numRuns: 1_000 },
  );
  assert.ok(ends.read > 100 && ends.refused > 100, JSON.stringify(ends));
});

test("a byte at a time reads the same", () => {
  fc.assert(
    fc.property(requestBytes(), (bytes) => {
      assert.deepEqual(readAll([...bytes].map((byte) => Buffer.of(byte))), readAll([bytes]));
    }),
    { numRuns: 300 },
  );
});

test("random bytes end in requests, an error, or a wait for more; never in a throw", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 }), (segments) => {
      readAll(segments.map((segment) => Buffer.from(segment)));
    }),
    { numRuns: 2_000 },
  );
});

test("a head that comes byte by byte costs the reader little", () => {
  const segments = [...Buffer.from(`GET / HTTP/1.1\r\nA: ${"b".repeat(8000)}`)].map((byte) => Buffer.of(byte));
  const before = process.cpuUsage();
  readAll(segments);
  assert.ok(process.cpuUsage(before).user < 1_000_000, "took more than a second of CPU");
});
