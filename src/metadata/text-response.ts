import type { HttpResponse } from "../http/http-message.ts";

/** What the real service sends with a document: always text/plain, JSON included, and no ranges. */
const DOCUMENT_HEADERS = [
  ["Content-Type", "text/plain"],
  ["Accept-Ranges", "none"],
] as const;

export const textResponse = (body: string | Uint8Array): HttpResponse => ({
  status: 200,
  headers: DOCUMENT_HEADERS,
  body,
});
