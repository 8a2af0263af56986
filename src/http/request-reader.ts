import type { Peer } from "../core/peer.ts";
import { isLineEnd, LINE_END_BYTES } from "./byte-class.ts";
import { framingOf } from "./framing.ts";
import { type HeaderFields, takeField } from "./header-fields.ts";
import type { HttpRequest } from "./http-message.ts";
import { InputBuffer } from "./input-buffer.ts";
import { ChunkedBody, type RequestBody, SizedBody } from "./request-body.ts";
import { RequestError } from "./request-error.ts";
import { type RequestLine, takeRequestLine } from "./request-line.ts";

export interface ReceivedRequest {
  readonly request: HttpRequest;
  /** The client may send another request on this connection. */
  readonly keepAlive: boolean;
}

/** `need-continue`: the client holds the body back until it has been sent `100 Continue`. */
export type ReadEvent = ReceivedRequest | "need-continue" | RequestError;

/** Request line, fields and the empty line after them. */
const MAX_HEAD_BYTES = 8 * 1024;
const MAX_FIELDS = 64;

const HEAD_TOO_LARGE = new RequestError("head is larger than the limit");
const TOO_MANY_FIELDS = new RequestError("more fields than the limit");

/** Between requests: what was read of one holds on to the bytes that it came in. */
const NO_REQUEST_LINE: RequestLine = { method: "", target: "", version: "1.1" };
const NO_FIELDS: HeaderFields = new Map();

type Step = ReadEvent | "go-on" | undefined;

/**
 * Reads strict HTTP/1 out of bytes as they arrive. What it accepts, node:http accepts with the same meaning; what
 * readers have been known to understand in two ways is refused. Nothing is kept of a body.
 *
 * After an error, or a request that is the connection's last, it reads nothing more.
 */
export class RequestReader {
  readonly #peer: Peer;
  readonly #input = new InputBuffer();
  #part: "request-line" | "fields" | "body" | "over" = "request-line";
  #skippedEmptyLine = false;
  #requestLine = NO_REQUEST_LINE;
  #fields = NO_FIELDS;
  #fieldCount = 0;
  #headBytesLeft = MAX_HEAD_BYTES;
  #keepAlive = false;
  #body: RequestBody | undefined;

  /** @param peer who sends the bytes: stamped on every request read from them */
  constructor(peer: Peer) {
    this.#peer = peer;
  }

  /** Some of a request has come, and not all of it has been read. */
  get isMidRequest(): boolean {
    return this.#part === "request-line" ? this.#input.unread > 0 : this.#part !== "over";
  }

  push(bytes: Buffer): void {
    if (this.#part !== "over") this.#input.append(bytes);
  }

  /** The next event, in the order of the bytes; undefined until more of them have come. */
  read(): ReadEvent | undefined {
    let step: Step = "go-on";
    while (step === "go-on") step = this.#step();
    if (step instanceof RequestError) this.#part = "over";
    if (this.#part === "over") this.#input.clear();
    return step;
  }

  #step(): Step {
    switch (this.#part) {
      case "request-line":
        return this.#readRequestLine();
      case "fields":
        return this.#readField();
      case "body":
        return this.#readBody();
      case "over":
        return undefined;
    }
  }

  #readRequestLine(): Step {
    const input = this.#input;
    const hasLine = input.hasLineWithin(MAX_HEAD_BYTES);
    if (hasLine !== true) return hasLine === undefined ? HEAD_TOO_LARGE : undefined;
    if (!this.#skippedEmptyLine && isLineEnd(input.bytes, input.at)) {
      this.#skippedEmptyLine = true;
      input.at += LINE_END_BYTES;
      return "go-on";
    }
    const before = input.at;
    const requestLine = takeRequestLine(input);
    if (requestLine instanceof RequestError) return requestLine;
    this.#beginFields(requestLine, MAX_HEAD_BYTES - (input.at - before));
    return "go-on";
  }

  #beginFields(requestLine: RequestLine, headBytesLeft: number): void {
    this.#requestLine = requestLine;
    this.#fields = new Map();
    this.#fieldCount = 0;
    this.#headBytesLeft = headBytesLeft;
    this.#part = "fields";
  }

  #readField(): Step {
    const input = this.#input;
    const hasLine = input.hasLineWithin(this.#headBytesLeft);
    if (hasLine !== true) return hasLine === undefined ? HEAD_TOO_LARGE : undefined;
    if (isLineEnd(input.bytes, input.at)) return this.#endHead();
    this.#fieldCount += 1;
    if (this.#fieldCount > MAX_FIELDS) return TOO_MANY_FIELDS;
    const before = input.at;
    const error = takeField(input, this.#fields);
    this.#headBytesLeft -= input.at - before;
    return error ?? "go-on";
  }

  #endHead(): Step {
    this.#input.at += LINE_END_BYTES;
    const framing = framingOf(this.#requestLine, this.#fields);
    if (framing instanceof RequestError) return framing;
    this.#keepAlive = framing.keepAlive;
    if (framing.body === 0) return this.#endRequest();
    this.#body = framing.body === "chunked" ? new ChunkedBody() : new SizedBody(framing.body);
    this.#part = "body";
    return framing.expectsContinue ? "need-continue" : "go-on";
  }

  #readBody(): Step {
    const outcome = this.#body?.skim(this.#input) ?? undefined;
    if (outcome !== "ended") return outcome;
    this.#body = undefined;
    return this.#endRequest();
  }

  #endRequest(): ReceivedRequest {
    this.#part = this.#keepAlive ? "request-line" : "over";
    this.#skippedEmptyLine = false;
    const { method, target, version } = this.#requestLine;
    const request = { method, target, version, headers: this.#fields, peer: this.#peer };
    this.#requestLine = NO_REQUEST_LINE;
    this.#fields = NO_FIELDS;
    this.#input.release();
    return { request, keepAlive: this.#keepAlive };
  }
}
