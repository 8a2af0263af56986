import { InputBuffer } from "../../src/http/input-buffer.ts";

/** A buffer to which the texts (latin1) have come one after the other. */
export function inputOf(...segments: readonly string[]): InputBuffer {
  const input = new InputBuffer();
  for (const segment of segments) input.append(Buffer.from(segment, "latin1"));
  return input;
}
