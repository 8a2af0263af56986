import type { HttpResponse } from "../http/http-message.ts";

/** What the real service sends with a document: always text/plain, JSON included, and no ranges. */
export const textResponse = (body: string | Uint8Array): HttpResponse => document("text/plain", body);

/** User data, which the real service takes for bytes. */
export const binaryResponse = (body: Uint8Array): HttpResponse => document("application/octet-stream", body);

const document = (type: string, body: string | Uint8Array): HttpResponse => ({
  status: 200,
  headers: [
    ["Content-Type", type],
    ["Accept-Ranges", "none"],
  ],
  body,
});
