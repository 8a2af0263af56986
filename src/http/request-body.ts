import { isLineEnd, LINE_END_BYTES } from "./byte-class.ts";
import { BODY_TOO_LARGE, MAX_BODY_BYTES } from "./framing.ts";
import { type HeaderFields, takeField } from "./header-fields.ts";
import type { InputBuffer } from "./input-buffer.ts";
import { RequestError } from "./request-error.ts";

/** A body that is read to find its end, and kept nowhere. */
export interface RequestBody {
  /** Takes what there is; undefined while the end has not come. */
  skim(input: InputBuffer): "ended" | RequestError | undefined;
}

export class SizedBody implements RequestBody {
  #bytesLeft: number;

  constructor(bytes: number) {
    this.#bytesLeft = bytes;
  }

  skim(input: InputBuffer): "ended" | undefined {
    this.#bytesLeft -= input.skip(this.#bytesLeft);
    return this.#bytesLeft === 0 ? "ended" : undefined;
  }
}

/** What a chunked body may take on the wire beside its data: sizes, extensions, trailers and line ends together. */
const MAX_CHUNKING_BYTES = 8 * 1024;
const MAX_TRAILERS = 64;

const CHUNK_SIZE = /^([0-9A-Fa-f]{1,8})(?:;[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:=[!#$%&'*+\-.^_`|~0-9A-Za-z]+)?)*$/;
const BAD_CHUNK_SIZE = new RequestError("chunk size line is not hexadecimal digits and plain extensions");
const BAD_CHUNK_END = new RequestError("chunk data does not end where its size says");
const FORBIDDEN_TRAILER = new RequestError("trailer that would change how the message is framed or routed");

/** What a trailer must never say, since a reader might heed it. */
const FRAMING_FIELDS = ["content-length", "transfer-encoding", "host", "connection", "proxy-connection", "upgrade"];

type Step = "go-on" | "ended" | RequestError | undefined;

export class ChunkedBody implements RequestBody {
  #part: "size" | "data" | "data-end" | "trailers" = "size";
  #chunkBytesLeft = 0;
  #bodyBytesLeft = MAX_BODY_BYTES;
  #chunkingBytesLeft = MAX_CHUNKING_BYTES;
  #trailers = 0;

  skim(input: InputBuffer): "ended" | RequestError | undefined {
    let step: Step = "go-on";
    while (step === "go-on") step = this.#step(input);
    return step;
  }

  #step(input: InputBuffer): Step {
    if (this.#part === "data") return this.#readData(input);
    const isDataEnd = this.#part === "data-end";
    const hasLine = input.hasLineWithin(isDataEnd ? LINE_END_BYTES : this.#chunkingBytesLeft);
    if (hasLine === undefined) return isDataEnd ? BAD_CHUNK_END : BODY_TOO_LARGE;
    if (!hasLine) return undefined;
    if (isDataEnd) return this.#readDataEnd(input);
    return this.#part === "size" ? this.#readSize(input) : this.#readTrailer(input);
  }

  #readSize(input: InputBuffer): Step {
    const before = input.at;
    const line = input.takeLine();
    if (typeof line !== "string") return line;
    this.#chunkingBytesLeft -= input.at - before;
    const digits = CHUNK_SIZE.exec(line)?.[1];
    if (digits === undefined) return BAD_CHUNK_SIZE;
    this.#chunkBytesLeft = Number.parseInt(digits, 16);
    this.#bodyBytesLeft -= this.#chunkBytesLeft;
    if (this.#bodyBytesLeft < 0) return BODY_TOO_LARGE;
    this.#part = this.#chunkBytesLeft === 0 ? "trailers" : "data";
    return "go-on";
  }

  #readData(input: InputBuffer): Step {
    const skipped = input.skip(this.#chunkBytesLeft);
    this.#chunkBytesLeft -= skipped;
    if (this.#chunkBytesLeft > 0) return undefined;
    this.#part = "data-end";
    return "go-on";
  }

  #readDataEnd(input: InputBuffer): Step {
    const line = input.takeLine();
    if (typeof line !== "string") return line;
    this.#chunkingBytesLeft -= LINE_END_BYTES;
    this.#part = "size";
    return "go-on";
  }

  #readTrailer(input: InputBuffer): Step {
    if (isLineEnd(input.bytes, input.at)) {
      input.at += LINE_END_BYTES;
      return "ended";
    }
    this.#trailers += 1;
    if (this.#trailers > MAX_TRAILERS) return BODY_TOO_LARGE;
    const before = input.at;
    const error = takeTrailer(input);
    this.#chunkingBytesLeft -= input.at - before;
    return error ?? "go-on";
  }
}

function takeTrailer(input: InputBuffer): RequestError | undefined {
  const fields: HeaderFields = new Map();
  const error = takeField(input, fields);
  if (error !== undefined) return error;
  return FRAMING_FIELDS.some((name) => fields.has(name)) ? FORBIDDEN_TRAILER : undefined;
}
