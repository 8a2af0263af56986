import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { RequestError } from "../../src/http/request-error.ts";
import { RequestReader } from "../../src/http/request-reader.ts";
import { peer } from "../support/workloads.ts";
import { requestBytes } from "./request-bytes.ts";

/** What one reader understood of one request. */
interface Understood {
  readonly method: string | undefined;
  readonly target: string | undefined;
  readonly version: string;
  readonly fields: readonly (readonly [name: string, values: readonly string[]])[];
}

/** The requests our reader accepts, up to whatever ends its reading. */
function ours(bytes: Buffer): Understood[] {
  const reader = new RequestReader(peer("127.0.0.1", 1));
  const requests: Understood[] = [];
  reader.push(bytes);
  for (let event = reader.read(); event !== undefined; event = reader.read()) {
    if (event === "need-continue") continue;
    if (event instanceof RequestError) break;
    const { method, target, version, headers } = event.request;
    requests.push({ method, target, version, fields: [...headers] });
  }
  return requests;
}

function understoodBy({ method, url, httpVersion, rawHeaders }: IncomingMessage): Understood {
  const fields = new Map<string, string[]>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name = "", value = ""] = rawHeaders.slice(at, at + 2);
    fields.set(name.toLowerCase(), [...(fields.get(name.toLowerCase()) ?? []), value]);
  }
  return { method, target: url, version: httpVersion, fields: [...fields] };
}

/** One connection to node:http: its requests in order, and how many of their bodies have been read to the end. */
interface Transcript {
  readonly requests: Understood[];
  ended: number;
  onEnded: () => void;
}

/** node:http at its strictest, but for the Host that real clients leave out. */
class NodeReader {
  readonly #server: Server;
  readonly #transcripts = new WeakMap<object, Transcript>();

  constructor() {
    this.#server = createServer({ insecureHTTPParser: false, requireHostHeader: false });
    this.#server.on("connection", (socket) =>
      this.#transcripts.set(socket, { requests: [], ended: 0, onEnded: () => {} }),
    );
    this.#server.on("request", (request, response) => {
      const transcript = this.#begin(request);
      request.resume().on("end", () => {
        endRequest(transcript);
        response.end();
      });
    });
    // CONNECT is no "request" to node:http; that it was read, and how, is all that counts here.
    this.#server.on("connect", (request, socket) => {
      socket.on("error", () => {});
      endRequest(this.#begin(request));
    });
  }

  #begin(request: IncomingMessage): Transcript | undefined {
    const transcript = this.#transcripts.get(request.socket);
    transcript?.requests.push(understoodBy(request));
    return transcript;
  }

  async listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** The requests node:http reads from the bytes, whole: `wanted` or more, unless it closes or goes silent before. */
  async read(bytes: Buffer, wanted: number): Promise<Understood[]> {
    const accepted = once(this.#server, "connection") as Promise<[Socket]>;
    const client = connect((this.#server.address() as AddressInfo).port, "127.0.0.1").on("error", () => {});
    const transcript = this.#transcripts.get((await accepted)[0]);
    assert.ok(transcript);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 2_000);
      const settle = (): void => {
        clearTimeout(timer);
        resolve();
      };
      transcript.onEnded = () => transcript.ended >= wanted && settle();
      client.on("close", settle).resume().write(bytes);
    });
    client.destroy();
    return transcript.requests.slice(0, transcript.ended);
  }
}

function endRequest(transcript: Transcript | undefined): void {
  if (transcript === undefined) return;
  transcript.ended += 1;
  transcript.onEnded();
}

const node = new NodeReader();
before(() => node.listen());
after(() => node.close());

async function assertNodeAgrees(bytes: Buffer): Promise<number> {
  const expected = ours(bytes);
  if (expected.length === 0) return 0;
  const actual = await node.read(bytes, expected.length);
  assert.deepEqual(actual.slice(0, expected.length), expected, JSON.stringify(bytes.toString("latin1")));
  return expected.length;
}

const RUNS = Number(process.env["DIFFERENTIAL_RUNS"] ?? 3_000);

test("whatever is accepted, node:http accepts with the same meaning, pipelined requests included", async (t) => {
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(requestBytes(), async (bytes) => {
      accepted += await assertNodeAgrees(bytes);
    }),
    { numRuns: RUNS },
  );
  t.diagnostic(`${accepted} requests compared`);
  assert.ok(accepted > RUNS / 4, `only ${accepted} requests were accepted in ${RUNS} runs: nothing was compared`);
});

test("every single byte, in each place of a request: what is accepted, node:http accepts with the same meaning", async () => {
  const places: readonly ((byte: string) => string)[] = [
    (byte) => `GET /a${byte}b HTTP/1.1\r\n\r\n`,
    (byte) => `GET ${byte} HTTP/1.1\r\n\r\n`,
    (byte) => `GET http://h${byte}/ HTTP/1.1\r\n\r\n`,
    (byte) => `CONNECT h${byte}:1 HTTP/1.1\r\n\r\n`,
    (byte) => `GET / HTTP/1.1\r\nA${byte}: b\r\n\r\n`,
    (byte) => `GET / HTTP/1.1\r\nA: b${byte}c\r\n\r\n`,
    (byte) => `GET / HTTP/1.1\r\nA:${byte}c${byte}\r\n\r\n`,
    (byte) => `PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;a${byte}=b\r\nx\r\n0\r\n\r\n`,
    (byte) => `PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;a=${byte}b\r\nx\r\n0\r\n\r\n`,
    (byte) => `GET / HTTP/1.1\r\nConnection: x${byte}close\r\n\r\n`,
    (byte) => `GET / HTTP/1.1\r\nConnection: close${byte}x\r\n\r\n`,
  ];
  for (const place of places) {
    const requests = Array.from({ length: 256 }, (_, code) => place(String.fromCharCode(code)));
    for (const request of requests)
      await assertNodeAgrees(Buffer.from(`${request}GET /sentinel HTTP/1.1\r\n\r\n`, "latin1"));
  }
});
