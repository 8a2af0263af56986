/**
 * 1 at each byte that belongs. CR and LF belong to none, so a run of any class ends where its line ends.
 *
 * The head is read byte by byte through these: on Bun that costs about half of what slicing lines and matching them
 * with patterns does, since it calls into nothing.
 */
export type ByteClass = Readonly<Uint8Array>;

const classOf = (pattern: RegExp): ByteClass =>
  Uint8Array.from({ length: 256 }, (_, byte) => (pattern.test(String.fromCharCode(byte)) ? 1 : 0));

/** https://www.rfc-editor.org/rfc/rfc9110#name-tokens */
export const TOKEN_BYTES = classOf(/[!#$%&'*+\-.^_`|~0-9A-Za-z]/);

/** What a request target may hold. */
export const VISIBLE_BYTES = classOf(/[\x21-\x7e]/);

/** What a field value may hold: no control byte but tab. obs-text (0x80-0xff) is latin1, as in node:http. */
export const FIELD_BYTES = classOf(/[\t\x20-\x7e\x80-\xff]/);

export const BLANK_BYTES = classOf(/[\t ]/);

/** Where the run that begins at `from` ends. The line must be whole: its end is what stops the run at the latest. */
export function endOfRun(bytes: Uint8Array, from: number, belongs: ByteClass): number {
  let at = from;
  while (belongs[bytes[at] ?? 0] === 1) at += 1;
  return at;
}

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const COLON = 0x3a;

/** Whether CRLF stands there. */
export const isLineEnd = (bytes: Uint8Array, at: number): boolean => bytes[at] === CR && bytes[at + 1] === LF;
export const LINE_END_BYTES = 2;
