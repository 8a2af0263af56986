/** One request as the edge read it: nothing decoded, nothing resolved, nothing trimmed but field values. */
export interface HttpRequest {
  /** As sent; methods are case-sensitive. */
  readonly method: string;
  /** The request target byte for byte (latin1), e.g. "/latest/%6deta-data/" or "http://x/y". */
  readonly target: string;
  readonly version: "1.0" | "1.1";
  /** By lower-case name; the values of a repeated field in the order they came. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** IPv4 dotted ("::ffff:" removed) or IPv6 without zone. */
  readonly peerAddress: string;
  readonly peerPort: number;
}

/** What the surface wants answered; the edge adds Date, Server, Content-Length and Connection. */
export interface HttpResponse {
  readonly status: number;
  /** ASCII, in the order they are to be written. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string | Uint8Array;
  /** Headers as for a GET, Content-Length included, and no body: the answer to a HEAD. */
  readonly omitBody?: boolean;
  /** Asked just before the first byte is written; false resets the connection instead. */
  readonly mayBeSent?: () => boolean;
}

export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;
