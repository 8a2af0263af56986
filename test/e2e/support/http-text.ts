/** One answer of the metadata service, read from the bytes as they came. */
export interface HttpAnswer {
  readonly status: number;
  /** By lower-case name; of a repeated header the last. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** @returns undefined while the answer is incomplete, so also for bytes that are no answer at all */
export function parseAnswer(bytes: Buffer, isAtEnd: boolean): HttpAnswer | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  const [statusLine = "", ...lines] = bytes.toString("latin1", 0, headEnd).split("\r\n");
  const headers = new Map(lines.map((line): [string, string] => headerOf(line)));
  const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(statusLine)?.[1]);
  const length = Number(headers.get("content-length") ?? Number.NaN);
  const isComplete = Number.isNaN(length) ? isAtEnd : bytes.length >= headEnd + 4 + length;
  if (Number.isNaN(status) || !isComplete) return undefined;
  return { status, headers, body: bytes.toString("latin1", headEnd + 4) };
}

function headerOf(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

export interface RequestText {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A request as an SDK would send it, with Host and Content-Length, for one connection. */
export function requestText({ method = "GET", path, headers = {}, body = "" }: RequestText): string {
  const all = {
    Host: "169.254.169.254",
    ...(method !== "GET" && { "Content-Length": `${body.length}` }),
    Connection: "close",
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}
