import assert from "node:assert/strict";
import { connect } from "node:net";

export type Field = readonly [name: string, value: string];

/** One request as it goes on the wire: nothing is added but the Host field. */
export interface Request {
  /** Default: GET. */
  readonly method?: string;
  readonly target: string;
  readonly version?: "1.0" | "1.1";
  /** Default: the service's IPv4 address, as SDKs send it. null: no Host field. */
  readonly host?: string | null;
  readonly fields?: readonly Field[];
  readonly body?: string;
}

export interface Ends {
  /** The workload's own address. */
  readonly from: string;
  readonly to: string;
  readonly port: number;
}

export interface Reply {
  readonly status: number;
  /** Status line and fields as they came, with their line ends. */
  readonly head: string;
  /** Names in lower case; a field that came twice fails. */
  readonly fields: ReadonlyMap<string, string>;
  readonly body: string;
  /** Interim responses before it, e.g. "100 Continue", as they came. */
  readonly interim: string;
}

const PATIENCE_MS = 10_000;
const INTERIM = /^(?:HTTP\/1\.1 1\d\d [^\r]*\r\n\r\n)+/;

export function bytesOf({ method = "GET", target, version = "1.1", host, fields = [], body = "" }: Request): string {
  const hostField: readonly Field[] = host === null ? [] : [["Host", host ?? "169.254.169.254"]];
  const lines = [...hostField, ...fields].map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${target} HTTP/${version}\r\n${lines.join("")}\r\n${body}`;
}

/** Sends bytes and, once a whole answer has come, ends its side; resolves to all that ever came, up to the end. */
export function exchange({ from, to, port }: Ends, bytes: string, toHead: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: to, port, localAddress: from, allowHalfOpen: true });
    let received = "";
    const fail = (why: string): void => {
      socket.destroy();
      reject(new Error(`${why} after ${JSON.stringify(received)} to ${JSON.stringify(bytes)}`));
    };
    socket.setTimeout(PATIENCE_MS, () => fail(`silence for ${PATIENCE_MS} ms`));
    socket.on("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      if (isWhole(received, toHead)) socket.end();
    });
    socket.on("end", () => {
      socket.end();
      resolve(received);
    });
    socket.write(bytes, "latin1");
  });
}

function isWhole(received: string, toHead: boolean): boolean {
  const final = received.replace(INTERIM, "");
  const headEnd = final.indexOf("\r\n\r\n");
  if (headEnd === -1) return false;
  return final.length >= headEnd + 4 + (toHead ? 0 : lengthIn(final.slice(0, headEnd)));
}

const lengthIn = (head: string): number => Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);

/** Fails unless the bytes are exactly one answer, framed by its Content-Length and nothing else. */
export function replyIn(received: string, toHead: boolean): Reply {
  const interim = INTERIM.exec(received)?.[0] ?? "";
  const final = received.slice(interim.length);
  const headEnd = final.indexOf("\r\n\r\n") + 4;
  assert.ok(headEnd > 3, `no answer: ${JSON.stringify(received)}`);
  const head = final.slice(0, headEnd);
  const [statusLine = "", ...lines] = head.slice(0, -4).split("\r\n");
  const fields = new Map<string, string>();
  for (const line of lines) {
    const [, name = "", value = ""] = /^([!-9;-~]+): (.*)$/.exec(line) ?? assert.fail(`no field: ${line}`);
    assert.ok(!fields.has(name.toLowerCase()), `${name} came twice`);
    fields.set(name.toLowerCase(), value);
  }
  const body = final.slice(headEnd);
  assert.equal(body.length, toHead ? 0 : lengthIn(head), "Content-Length is the length of the body");
  return { status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]), head, fields, body, interim };
}
