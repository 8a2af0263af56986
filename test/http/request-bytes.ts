import fc from "fast-check";

/**
 * Requests that are nearly right: most are read whole, and each way of going wrong is met often. Of each pair of lists,
 * the first is (as far as known) accepted everywhere, the second is what readers have been known to differ about.
 */

const METHODS = ["GET", "PUT", "HEAD", "POST", "OPTIONS", "PROPFIND"];
const ODD_METHODS = ["CONNECT", "QUERY", "get", "PRI", "GETS", "", " GET"];

const TARGETS = [
  ...["/", "/latest/meta-data/", "//a", "/a?b#c", "/%2e%2e/\\", "/a;b", "*", '/{}|^`"<>', "/a#b#c", "/?a?b"],
  ...["http://h/a", "http://[::1]:80/a?b", "https://h", "http://h?x"],
];
const ODD_TARGETS = [
  ...["http://h:80#x", "HTTP://h/", "http://u@h/", "http:/h", "http:///", "ftp://h/", "http://:/", "http://[/"],
  ...["h:80", "[::1]:80", "a", "", "/a b", "/\x80", "/\t", "?a", "#a", "*a"],
];

const VERSIONS = ["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"];
const ODD_VERSIONS = ["HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "http/1.1", "HTTP/1.1 ", "HTTP/1.10", "ICE/1.0"];

const FIELDS = [
  ...[
    "X-aws-ec2-metadata-token: abc==",
    "x-aws-EC2-metadata-token:\tabc== ",
    "User-Agent:",
    "user_agent: x",
    "A:b\tc ",
    "A: \xe9",
  ],
  ...[
    "Connection: keep-alive",
    "Connection: TE",
    "Connection: ,keep-alive,",
    "Proxy-Connection: keep-alive",
    "Keep-Alive: timeout=5",
  ],
  ...["TE: trailers", "Trailer: A", "Upgrade: h2c", "Content-Type: application/x-www-form-urlencoded", "Accept: */*"],
];
const ODD_FIELDS = [
  ...[
    "Host: a",
    "host: b",
    "Host:",
    "Content-Length: 0",
    "Content-Length: 5",
    "content-length:5",
    "Content-Length: 05",
  ],
  ...["Content-Length: 5 ", "Content-Length: +5", "Content-Length: 5,5", "Content-Length: 1025", "Content-Length:"],
  ...[
    "Transfer-Encoding: chunked",
    "transfer-encoding:chunked ",
    "Transfer-Encoding: Chunked",
    "Transfer-Encoding: gzip, chunked",
  ],
  ...[
    "Transfer-Encoding:\tchunked",
    "Transfer-Encoding: chunked\t",
    "Connection: close\t",
    "Content-Length: 5\t",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: chunked;q=1",
  ],
  ...["Connection: close", "Connection: TE, close", "Connection: close,", "Connection: clos e", "Connection: ,close"],
  ...["connection:\tClose\t", "Connection: keep-alive , close", "Connection: close keep-alive", "Connection: xclose"],
  ...["Connection: Upgrade", "Connection: keep-alive, Upgrade", "Proxy-Connection: close", "Upgrade: websocket"],
  ...["Expect: 100-continue", "Expect: 100-Continue", "Expect: x", "Expect: 100-continue, x", "Expect:"],
  ...[" folded", "\tfolded", "A : b", "A", ": b", "A: b\0", "A\x01: b", "A: b\x7f", "A: b\rc", "A: \xa0"],
];

const LINE_ENDS = ["\r\n"];
const ODD_LINE_ENDS = ["\n", "\r", "\r\r\n", " \r\n", "\r\n ", "\r\n\r\n"];

const CHUNKS = ["5\r\nhello\r\n", "1;a=b\r\nx\r\n", "1;a;b\r\nx\r\n", "0A\r\n0123456789\r\n", "4\r\n\r\n\r\n\r\n"];
const ODD_CHUNKS = [
  ...["5 \r\nhello\r\n", "5;\r\nhello\r\n", "2\r\nabc\r\n", "3\r\na\nb\r\n", "1\nx\r\n", "1\r\nx\n", "\r\n", "-1\r\n"],
  ...[
    '1;a="b"\r\nx\r\n',
    '1;a="\r\n"\r\nx\r\n',
    "1; a\r\nx\r\n",
    "1;a=\r\nx\r\n",
    "1;a=b=c\r\nx\r\n",
    "1\r\nx",
    "0x1\r\nx\r\n",
  ],
];
const CHUNKED_ENDS = ["0\r\n\r\n", "00\r\n\r\n", "0;a=b\r\n\r\n", "0\r\nA: b\r\n\r\n", "0\r\nA: b\r\nA:c\r\n\r\n"];
const ODD_CHUNKED_ENDS = [
  ...["0\r\nConnection: close\r\n\r\n", "0\r\nContent-Length: 5\r\n\r\n", "0\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ...["0\r\n\n", "0\r\n f\r\n\r\n", "0\r\n", "0\r\nUpgrade: h2c\r\n\r\n", "0\r\nA\r\n\r\n"],
];

/** How often a part is an odd one: seldom enough that a whole of some twenty parts is often right. */
const SELDOM = 20;

const mostly = (usual: readonly string[], odd: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: SELDOM, arbitrary: fc.constantFrom(...usual) }, { weight: 1, arbitrary: fc.constantFrom(...odd) });

const lineEnd = mostly(LINE_ENDS, ODD_LINE_ENDS);

const requestLine = fc
  .tuple(mostly(METHODS, ODD_METHODS), mostly(TARGETS, ODD_TARGETS), mostly(VERSIONS, ODD_VERSIONS))
  .map((words) => words.join(" "));

/** Odd ones are given more often than other odd parts, since most are legal when alone. */
const fields = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...FIELDS) },
      { weight: 1, arbitrary: fc.constantFrom(...ODD_FIELDS) },
    ),
    { maxLength: 3 },
  )
  .chain((lines) => fc.tuple(...lines.map((line) => lineEnd.map((end) => line + end))))
  .map((lines) => lines.join(""));

const chunked = fc
  .tuple(fc.array(mostly(CHUNKS, ODD_CHUNKS), { maxLength: 3 }), mostly(CHUNKED_ENDS, ODD_CHUNKED_ENDS))
  .map(([chunks, end]) => chunks.join("") + end);

const framedBody = fc.oneof(
  chunked.map((body) => `Transfer-Encoding: chunked\r\n\r\n${body}`),
  fc.constantFrom(
    "Content-Length: 5\r\n\r\nhello",
    "Content-Length: 0\r\n\r\n",
    "\r\n",
    "\r\n",
    "\r\n\r\n",
    "\r\nhello",
  ),
);

const request = fc
  .tuple(fc.constantFrom("", "", "", "", "", "", "\r\n", "\r\n", "\r\n\r\n"), requestLine, lineEnd, fields, framedBody)
  .map((parts) => parts.join(""));

/** One byte changed, removed or added. */
interface Mutation {
  readonly kind: "change" | "remove" | "add";
  /** Modulo the length. */
  readonly at: number;
  readonly byte: number;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom("change", "remove", "add"),
  at: fc.nat(),
  byte: fc.oneof(fc.constantFrom(0, 9, 10, 13, 32, 44, 58, 59, 127, 128), fc.nat({ max: 255 })),
});

function mutated(bytes: Buffer, { kind, at, byte }: Mutation): Buffer {
  const place = at % (bytes.length + 1);
  const inserted = kind === "remove" ? [] : [byte];
  return Buffer.concat([
    bytes.subarray(0, place),
    Buffer.from(inserted),
    bytes.subarray(kind === "add" ? place : place + 1),
  ]);
}

/** Ends every sequence: where it is read, all before it was framed as meant. */
const SENTINEL = "GET /sentinel HTTP/1.1\r\n\r\n";

/** One to three pipelined requests and a sentinel, often with a byte or two wrong. */
export const requestBytes = (): fc.Arbitrary<Buffer> =>
  fc
    .tuple(fc.array(request, { minLength: 1, maxLength: 3 }), fc.array(mutation, { maxLength: 2 }))
    .map(([requests, mutations]) => mutations.reduce(mutated, Buffer.from(requests.join("") + SENTINEL, "latin1")));

const filled = (head: string, tail: string, bytes: number): string =>
  head + "x".repeat(bytes - head.length - tail.length) + tail;

const atOrNear = (limit: number): fc.Arbitrary<number> => fc.integer({ min: limit - 2, max: limit + 2 });

/** A head, the fields of one, a body or its chunks as large as may be, or a byte or two more or less; then the sentinel. */
export const bytesNearLimits = (): fc.Arbitrary<Buffer> =>
  fc
    .oneof(
      atOrNear(8192).map((bytes) => filled("GET /", " HTTP/1.1\r\n\r\n", bytes)),
      atOrNear(8192).map((bytes) => filled("GET / HTTP/1.1\r\nHost: a\r\nA: ", "\r\n\r\n", bytes)),
      atOrNear(64).map((count) => `GET / HTTP/1.1\r\n${"A: b\r\n".repeat(count)}\r\n`),
      atOrNear(1024).map((size) => `PUT / HTTP/1.1\r\nContent-Length: ${size}\r\n\r\n${"x".repeat(size)}`),
      atOrNear(1024).map((size) => chunkedRequest(`${size.toString(16)}\r\n${"x".repeat(size)}\r\n0\r\n\r\n`)),
      atOrNear(64).map((count) => chunkedRequest(`0\r\n${"A: b\r\n".repeat(count)}\r\n`)),
      atOrNear(8192).map((bytes) => chunkedRequest(filled("1;a=", "\r\nx\r\n0\r\n\r\n", bytes + 1))),
    )
    .map((text) => Buffer.from(text + SENTINEL, "latin1"));

const chunkedRequest = (body: string): string => `PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
