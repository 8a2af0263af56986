import { CR, LF, LINE_END_BYTES } from "./byte-class.ts";
import { RequestError } from "./request-error.ts";

const NOTHING = Buffer.alloc(0);
const BARE_LINE_FEED = new RequestError("line ends in LF without CR");

/**
 * The bytes of one connection that are not yet read, and the place reached in them. Whoever takes something moves `at`
 * past it; only whole lines are taken, so that it makes no difference how the bytes were split on the way.
 */
export class InputBuffer {
  #bytes: Buffer = NOTHING;
  #text = "";
  at = 0;

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** The whole lines among the bytes, decoded once: latin1, so an index is the same here and there. */
  get text(): string {
    return this.#text;
  }

  get unread(): number {
    return this.#bytes.length - this.at;
  }

  append(segment: Buffer): void {
    this.#bytes = this.unread === 0 ? segment : Buffer.concat([this.#bytes.subarray(this.at), segment]);
    this.#text = this.#bytes.toString("latin1", 0, endOfWholeLines(this.#bytes));
    this.at = 0;
  }

  /**
   * Whether the next line is there, to its end. undefined when it has more than `maxBytes`, its end included, whether
   * or not that end has come.
   */
  hasLineWithin(maxBytes: number): boolean | undefined {
    const wholeLines = this.#text.length - this.at;
    if (wholeLines <= 0) return this.unread < maxBytes ? false : undefined;
    if (wholeLines <= maxBytes) return true;
    return this.#text.indexOf("\n", this.at) - this.at < maxBytes ? true : undefined;
  }

  /**
   * Lets go of what has been read, where that is all: a connection may be idle for minutes, and a segment that held
   * many requests is as large as the runtime reads at once (512 KiB on Bun).
   */
  release(): void {
    if (this.unread === 0) this.clear();
  }

  /** Lets go of everything. */
  clear(): void {
    this.#bytes = NOTHING;
    this.#text = "";
    this.at = 0;
  }

  /** The next line without its CRLF; there must be one. */
  takeLine(): string | RequestError {
    const lineFeed = this.#text.indexOf("\n", this.at);
    if (lineFeed === this.at || this.#bytes[lineFeed - 1] !== CR) return BARE_LINE_FEED;
    const line = this.#text.slice(this.at, lineFeed + 1 - LINE_END_BYTES);
    this.at = lineFeed + 1;
    return line;
  }

  /** Passes over up to so many bytes; returns how many there were. */
  skip(maxBytes: number): number {
    const skipped = Math.min(maxBytes, this.unread);
    this.at += skipped;
    return skipped;
  }
}

/** Mostly the bytes come as whole requests, so there is mostly nothing to search. */
function endOfWholeLines(bytes: Buffer): number {
  return bytes[bytes.length - 1] === LF ? bytes.length : bytes.lastIndexOf(LF) + 1;
}
