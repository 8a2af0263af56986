import { endOfRun, LINE_END_BYTES, SPACE, TOKEN_BYTES, VISIBLE_BYTES } from "./byte-class.ts";
import type { InputBuffer } from "./input-buffer.ts";
import { RequestError } from "./request-error.ts";

export interface RequestLine {
  readonly method: string;
  readonly target: string;
  readonly version: "1.0" | "1.1";
}

/**
 * The methods node:http knows, so that what is refused here is refused there. Which of them are served is the
 * surface's business. https://github.com/nodejs/llhttp/blob/v9.3.0/src/llhttp/constants.ts
 */
const METHODS: ReadonlySet<string> = new Set([
  ...["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"],
  ...["ACL", "BIND", "CHECKOUT", "COPY", "LINK", "LOCK", "M-SEARCH", "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL"],
  ...["MOVE", "NOTIFY", "PROPFIND", "PROPPATCH", "PURGE", "REBIND", "REPORT", "SEARCH", "SOURCE", "SUBSCRIBE"],
  ...["UNBIND", "UNLINK", "UNLOCK", "UNSUBSCRIBE"],
]);

const ABSOLUTE_FORM = /^https?:\/\/[A-Za-z0-9._~:[\]-]+(?:[/?]|$)/;
const AUTHORITY_FORM = /^[A-Za-z0-9._~:[\]-]+$/;
const ANY_VERSION = /HTTP\/\d\.\d\r\n/y;
/** As long as "HTTP/1.1". */
const VERSION_BYTES = 8;

const NOT_A_REQUEST_LINE = new RequestError("request line is not 'method target version'");
const UNKNOWN_METHOD = new RequestError("unknown method");
const BAD_TARGET = new RequestError("request target holds a byte outside 0x21-0x7e or has no legal form");
const OTHER_VERSION = new RequestError("HTTP version is neither 1.0 nor 1.1");

/**
 * Takes the request line, which must be there as a whole. Exactly one space on each side of the target; no leniency
 * that RFC 9112 section 3 allows is taken up.
 */
export function takeRequestLine(input: InputBuffer): RequestLine | RequestError {
  const { bytes, text, at } = input;
  const methodEnd = endOfRun(bytes, at, TOKEN_BYTES);
  if (bytes[methodEnd] !== SPACE) return NOT_A_REQUEST_LINE;
  const method = text.slice(at, methodEnd);
  if (!METHODS.has(method)) return UNKNOWN_METHOD;
  const targetEnd = endOfRun(bytes, methodEnd + 1, VISIBLE_BYTES);
  const target = text.slice(methodEnd + 1, targetEnd);
  if (bytes[targetEnd] !== SPACE || !isTarget(method, target)) return BAD_TARGET;
  const version = versionAt(text, targetEnd + 1);
  if (version instanceof RequestError) return version;
  input.at = targetEnd + 1 + VERSION_BYTES + LINE_END_BYTES;
  return { method, target, version };
}

/** https://www.rfc-editor.org/rfc/rfc9112#name-request-target */
function isTarget(method: string, target: string): boolean {
  if (method === "CONNECT") return AUTHORITY_FORM.test(target);
  return target.startsWith("/") || target === "*" || ABSOLUTE_FORM.test(target);
}

function versionAt(text: string, at: number): RequestLine["version"] | RequestError {
  if (text.startsWith("HTTP/1.1\r\n", at)) return "1.1";
  if (text.startsWith("HTTP/1.0\r\n", at)) return "1.0";
  ANY_VERSION.lastIndex = at;
  return ANY_VERSION.test(text) ? OTHER_VERSION : NOT_A_REQUEST_LINE;
}
