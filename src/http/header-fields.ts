import {
  BLANK_BYTES,
  COLON,
  endOfRun,
  FIELD_BYTES,
  isLineEnd,
  LINE_END_BYTES,
  SPACE,
  TAB,
  TOKEN_BYTES,
} from "./byte-class.ts";
import { commonFieldName } from "./field-name.ts";
import type { InputBuffer } from "./input-buffer.ts";
import { RequestError } from "./request-error.ts";

/** By lower-case name; the values of a repeated field in the order they came. */
export type HeaderFields = Map<string, string[]>;

const FOLDED_LINE = new RequestError("field line begins with white space (obs-fold)");
const BAD_FIELD_NAME = new RequestError("field name is empty, is not a token, or is not followed by a colon");
const BAD_FIELD_VALUE = new RequestError("field value holds a control byte, or its line does not end in CRLF");
const TAB_AFTER_VALUE = new RequestError("field value is followed by a tab");

/**
 * Takes one field line, which must be there as a whole. The value loses the blanks around it and nothing else; a tab
 * after it is refused, since node:http then no longer knows `chunked` or `close` while it shows the value without the tab.
 */
export function takeField(input: InputBuffer, fields: HeaderFields): RequestError | undefined {
  const { bytes, at } = input;
  const nameEnd = endOfRun(bytes, at, TOKEN_BYTES);
  if (nameEnd === at) return BLANK_BYTES[bytes[at] ?? 0] === 1 ? FOLDED_LINE : BAD_FIELD_NAME;
  if (bytes[nameEnd] !== COLON) return BAD_FIELD_NAME;
  const valueStart = endOfRun(bytes, nameEnd + 1, BLANK_BYTES);
  const lineEnd = endOfRun(bytes, valueStart, FIELD_BYTES);
  if (!isLineEnd(bytes, lineEnd)) return BAD_FIELD_VALUE;
  const valueEnd = endOfValue(bytes, valueStart, lineEnd);
  if (valueEnd > valueStart && bytes[valueEnd - 1] === TAB) return TAB_AFTER_VALUE;
  append(fields, nameOf(input, nameEnd), input.text.slice(valueStart, valueEnd));
  input.at = lineEnd + LINE_END_BYTES;
  return undefined;
}

function endOfValue(bytes: Uint8Array, start: number, lineEnd: number): number {
  let end = lineEnd;
  while (end > start && bytes[end - 1] === SPACE) end -= 1;
  return end;
}

const nameOf = ({ bytes, text, at }: InputBuffer, end: number): string =>
  commonFieldName(bytes, at, end) ?? text.slice(at, end).toLowerCase();

function append(fields: HeaderFields, name: string, value: string): void {
  const values = fields.get(name);
  if (values === undefined) fields.set(name, [value]);
  else values.push(value);
}
