/** A line was longer than it may be; nothing after it can be trusted to be found. */
export class LineTooLong extends Error {
  override readonly name = "LineTooLong";
}

const NEWLINE = 0x0a;

/**
 * The lines of a byte stream, however it was cut into chunks, also inside a character. Empty lines are left out, and
 * so is a last line without its end: it may be half a line.
 *
 * @throws LineTooLong
 */
export async function* boundedLines(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<string> {
  const line = new LineInTheMaking(maxBytes);
  for await (const chunk of chunks) {
    let rest = chunk;
    for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE)) {
      line.append(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      const text = line.take();
      if (text !== "") yield text;
    }
    line.append(rest);
  }
}

class LineInTheMaking {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  append(part: Uint8Array): void {
    this.#length += part.length;
    if (this.#length > this.#maxBytes) throw new LineTooLong(`a line is longer than ${this.#maxBytes} bytes`);
    if (part.length > 0) this.#parts.push(part);
  }

  take(): string {
    const text = Buffer.concat(this.#parts).toString("utf8").trim();
    this.#parts = [];
    this.#length = 0;
    return text;
  }
}
