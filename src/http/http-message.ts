import type { Peer } from "../core/peer.ts";

/** One request as the edge read it: nothing decoded, nothing resolved, nothing trimmed but field values. */
export interface HttpRequest {
  /** As sent; methods are case-sensitive. */
  readonly method: string;
  /**
   * The request target byte for byte, all of them 0x21-0x7e: a path with whatever follows it ("/latest/%6deta-data/?x#y"),
   * a URL ("http://x/y"), "*", or for CONNECT an authority ("x:80").
   */
  readonly target: string;
  readonly version: "1.0" | "1.1";
  /**
   * By lower-case name; the values of a repeated field in the order they came, without the blanks around them, latin1.
   * There is at most one `host`, and on HTTP/1.1 too there may be none.
   */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** Of the connection: the same object for all its requests. */
  readonly peer: Peer;
}

/** What the surface wants answered; the edge adds Date, Server, Content-Length and Connection. */
export interface HttpResponse {
  readonly status: number;
  /** Printable ASCII, in the order they are to be written; anything else in them is answered with a 500. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** A string is sent as UTF-8. */
  readonly body: string | Uint8Array;
  /** Headers as for a GET, Content-Length included, and no body: the answer to a HEAD. */
  readonly omitBody?: boolean;
  /** Asked just before the first byte is written; false resets the connection instead, and nothing of this is sent. */
  readonly mayBeSent?: () => boolean;
}

/** A rejection is answered with a 500 that says nothing of it. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;
