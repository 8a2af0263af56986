import type { HttpRequest, HttpResponse } from "./http-message.ts";
import { reasonPhrase } from "./reason-phrase.ts";

/** `implied`: kept alive, as HTTP/1.1 is when nothing is said. */
export type ConnectionOption = "close" | "keep-alive" | "implied";

/**
 * Kept alive only after a 200: a client that never reads the body of an error would otherwise wait for it to end for
 * as long as the connection stays open (the AWS SDK for JavaScript's MetadataService does).
 */
export function connectionAfter(status: number, version: HttpRequest["version"], mayStay: boolean): ConnectionOption {
  if (status !== 200 || !mayStay) return "close";
  return version === "1.0" ? "keep-alive" : "implied";
}

const CONNECTION_FIELD: Readonly<Record<ConnectionOption, string>> = {
  close: "Connection: close\r\n",
  "keep-alive": "Connection: keep-alive\r\n",
  implied: "",
};

/** `100 Continue`, whole. */
export const CONTINUE = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n", "latin1");

export interface ResponseFrame {
  readonly connection: ConnectionOption;
  /** The `Date` field's text. */
  readonly date: string;
}

/**
 * The whole response, to be written at once: a head that comes alone costs a packet and, with some clients, 40 ms.
 *
 * @throws TypeError when a field would not be read back as it was given (a line end in it, for one).
 */
export function encodeResponse(response: HttpResponse, frame: ResponseFrame): Buffer {
  const { body } = response;
  const bodyBytes = typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
  const head = headOf(response, frame, bodyBytes);
  if (response.omitBody === true) return Buffer.from(head, "latin1");
  const bytes = Buffer.allocUnsafe(head.length + bodyBytes);
  bytes.write(head, "latin1");
  if (typeof body !== "string") bytes.set(body, head.length);
  // As many bytes as characters is ASCII, for which latin1 is the faster way to write it.
  else bytes.write(body, head.length, bodyBytes === body.length ? "latin1" : "utf8");
  return bytes;
}

/** ASCII, or `checkField` has thrown: one byte a character. */
function headOf({ status, headers }: HttpResponse, { connection, date }: ResponseFrame, bodyBytes: number): string {
  let fields = "";
  for (const [name, value] of headers) {
    checkField(name, value);
    fields += `${name}: ${value}\r\n`;
  }
  const statusLine = `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n`;
  const own = `Server: EC2ws\r\nDate: ${date}\r\nContent-Length: ${bodyBytes}\r\n${CONNECTION_FIELD[connection]}`;
  return `${statusLine}${fields}${own}\r\n`;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

function checkField(name: string, value: string): void {
  if (TOKEN.test(name) && PRINTABLE_ASCII.test(value)) return;
  throw new TypeError("cannot write a response field: its name must be a token and its value printable ASCII");
}
