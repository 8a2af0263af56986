import assert from "node:assert/strict";
import { test } from "node:test";
import { connectionAfter, encodeResponse } from "../../src/http/response-writer.ts";

const DATE = "Sun, 22 Nov 2026 04:46:17 GMT";
const FRAME = { connection: "implied", date: DATE } as const;
const HEADERS = [["Content-Type", "text/plain"]] as const;

test("a response is one text: its own fields first, then the edge's", () => {
  const response = {
    status: 200,
    headers: [...HEADERS, ["X-aws-ec2-metadata-token-ttl-seconds", "60"]],
    body: "abc",
  } as const;
  assert.equal(
    encodeResponse(response, { connection: "keep-alive", date: DATE }).toString("latin1"),
    [
      ...["HTTP/1.1 200 OK", "Content-Type: text/plain", "X-aws-ec2-metadata-token-ttl-seconds: 60"],
      ...["Server: EC2ws", `Date: ${DATE}`, "Content-Length: 3", "Connection: keep-alive", "", "abc"],
    ].join("\r\n"),
  );
});

// biome-ignore format: one row a line
const BODIES: readonly [body: string | Uint8Array, bytes: readonly number[], because: string][] = [
  ["",                          [],                        "empty"],
  ["a\n",                       [0x61, 0x0a],              "ASCII"],
  ["\xe9",                      [0xc3, 0xa9],              "a string is sent as UTF-8"],
  ["\u{1f600}a",                [0xf0, 0x9f, 0x98, 0x80, 0x61], "also beyond the first plane"],
  [Uint8Array.of(0, 255, 0xe9), [0, 255, 0xe9],            "bytes are sent as they are"],
];

for (const [body, bytes, because] of BODIES) {
  test(`the length is that of the bytes: ${because}`, () => {
    const encoded = encodeResponse({ status: 200, headers: HEADERS, body }, FRAME);
    const text = encoded.toString("latin1");
    assert.match(text, new RegExp(`\r\nContent-Length: ${bytes.length}\r\n`));
    assert.deepEqual([...encoded.subarray(text.indexOf("\r\n\r\n") + 4)], bytes);
  });
}

test("without its body, a response is its head with the same length", () => {
  for (const body of ["\xe9", Uint8Array.of(1, 2)]) {
    const whole = encodeResponse({ status: 200, headers: HEADERS, body }, FRAME);
    const head = encodeResponse({ status: 200, headers: HEADERS, body, omitBody: true }, FRAME);
    assert.equal(head.toString("latin1"), whole.subarray(0, whole.length - 2).toString("latin1"));
  }
});

for (const [name, value] of [
  ["X", "a\r\nY: b"],
  ["X", "a\nb"],
  ["X", "\0"],
  ["X", "\xe9"],
  ["X\r\nY", "a"],
  ["X Y", "a"],
  ["X:", "a"],
  ["", "a"],
] as const) {
  test(`a field that would be read back otherwise is not written: ${JSON.stringify([name, value])}`, () => {
    assert.throws(() => encodeResponse({ status: 200, headers: [[name, value]], body: "" }, FRAME), TypeError);
  });
}

test("only a 200 to a client that stays leaves the connection open", () => {
  assert.equal(connectionAfter(200, "1.1", true), "implied");
  assert.equal(connectionAfter(200, "1.0", true), "keep-alive");
  assert.equal(connectionAfter(200, "1.1", false), "close");
  assert.equal(connectionAfter(404, "1.1", true), "close");
});
