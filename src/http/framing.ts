import type { HeaderFields } from "./header-fields.ts";
import { RequestError } from "./request-error.ts";
import type { RequestLine } from "./request-line.ts";

/** What a head says about the bytes after it. */
export interface Framing {
  /** Length of the body in bytes; 0 is no body. */
  readonly body: number | "chunked";
  /** The client waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean;
  /** Another request may follow on the connection, as far as the client is concerned. */
  readonly keepAlive: boolean;
}

/** No request to the metadata service has a body of any use; this is for clients that send one all the same. */
export const MAX_BODY_BYTES = 1024;
export const BODY_TOO_LARGE = new RequestError("body is larger than the limit");

const REPEATED = new RequestError("a field that may be given once is given twice");
const BAD_CONTENT_LENGTH = new RequestError("Content-Length is not plain digits");
const BOTH_FRAMINGS = new RequestError("both Transfer-Encoding and Content-Length");
const BAD_TRANSFER_ENCODING = new RequestError("Transfer-Encoding is not exactly 'chunked'");
const CHUNKED_IN_1_0 = new RequestError("Transfer-Encoding in HTTP/1.0");
const UNKNOWN_EXPECTATION = new RequestError("Expect is not '100-continue'");

/** Those whose second occurrence two readers could understand in two ways. */
const SINGLE_FIELDS = ["host", "content-length", "transfer-encoding", "expect"] as const;

/** https://www.rfc-editor.org/rfc/rfc9112#name-message-body-length, with every choice it leaves made for refusal. */
export function framingOf(line: RequestLine, fields: HeaderFields): Framing | RequestError {
  if (SINGLE_FIELDS.some((name) => (fields.get(name)?.length ?? 0) > 1)) return REPEATED;
  const body = bodyOf(line, fields);
  if (body instanceof RequestError) return body;
  const expect = line.version === "1.1" ? fields.get("expect")?.[0] : undefined;
  if (expect !== undefined && expect.toLowerCase() !== "100-continue") return UNKNOWN_EXPECTATION;
  return { body, expectsContinue: expect !== undefined && body !== 0, keepAlive: keepsAlive(line, fields) };
}

function bodyOf(line: RequestLine, fields: HeaderFields): Framing["body"] | RequestError {
  const contentLength = fields.get("content-length")?.[0];
  const transferEncoding = fields.get("transfer-encoding")?.[0];
  if (transferEncoding === undefined) return contentLength === undefined ? 0 : sizeOf(contentLength);
  if (contentLength !== undefined) return BOTH_FRAMINGS;
  if (line.version === "1.0") return CHUNKED_IN_1_0;
  return transferEncoding === "chunked" ? "chunked" : BAD_TRANSFER_ENCODING;
}

function sizeOf(contentLength: string): number | RequestError {
  if (!/^\d+$/.test(contentLength)) return BAD_CONTENT_LENGTH;
  const size = Number(contentLength);
  return size > MAX_BODY_BYTES ? BODY_TOO_LARGE : size;
}

/**
 * `Proxy-Connection` counts because node:http reads it so. After CONNECT or an offered upgrade the client may go on in
 * another protocol: those are answered like any request, and nothing after them is read.
 */
function keepsAlive({ method, version }: RequestLine, fields: HeaderFields): boolean {
  if (method === "CONNECT") return false;
  const connection = fields.get("connection");
  const proxyConnection = fields.get("proxy-connection");
  if (connection === undefined && proxyConnection === undefined) return version === "1.1";
  const options = optionsIn([...(connection ?? []), ...(proxyConnection ?? [])]);
  if (options.includes("close") || options.includes("upgrade")) return false;
  return version === "1.1" || options.includes("keep-alive");
}

const optionsIn = (values: readonly string[]): readonly string[] =>
  values.flatMap((value) => value.split(",")).map((option) => option.trim().toLowerCase());
