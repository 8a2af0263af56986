import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { type MockRequest, splitTarget } from "./http-exchange.ts";
import type { SignatureClaim } from "./signature-claim.ts";

/** The parts of a claim that a signature covers. */
export type SignatureScope = Pick<SignatureClaim, "date" | "region" | "service" | "signedHeaders" | "signedAt">;

/** True when this very request was signed with this very secret. */
export function isSignedWith(secret: string, request: MockRequest, claim: SignatureClaim): boolean {
  const expected = Buffer.from(signatureOf(secret, request, claim));
  const given = Buffer.from(claim.signature);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/**
 * The signature, version 4, of a request: 64 hexadecimal digits.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function signatureOf(secret: string, request: MockRequest, scope: SignatureScope): string {
  const { date, region, service, signedAt } = scope;
  const stringToSign = [
    "AWS4-HMAC-SHA256",
    signedAt,
    `${date}/${region}/${service}/aws4_request`,
    sha256(canonicalRequest(request, scope.signedHeaders)),
  ].join("\n");
  const signingKey = [date, region, service, "aws4_request"].reduce<Buffer | string>(hmac, `AWS4${secret}`);
  return hmac(signingKey, stringToSign).toString("hex");
}

/** The body's hash is taken from the body, whatever an X-Amz-Content-Sha256 header says. */
export function canonicalRequest(request: MockRequest, signedHeaders: readonly string[]): string {
  const { path, query } = splitTarget(request.target);
  return [
    request.method,
    canonicalPath(path),
    canonicalQuery(query),
    ...signedHeaders.map((name) => `${name}:${canonicalValue(request, name)}`),
    "",
    signedHeaders.join(";"),
    sha256(request.body),
  ].join("\n");
}

/** Each segment is encoded once more: a "%" that was sent is signed as "%25" (only S3 does without). */
const canonicalPath = (path: string): string => path.split("/").map(encodeStrictly).join("/");

/** Sorted by name, then value, as encoded; the signature itself is left out. */
function canonicalQuery(query: string): string {
  return query
    .split("&")
    .filter((pair) => pair !== "" && !pair.startsWith("X-Amz-Signature="))
    .map(canonicalPair)
    .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map((pair) => pair.join("="))
    .join("&");
}

function canonicalPair(pair: string): readonly [name: string, value: string] {
  const at = pair.indexOf("=");
  const [name, value] = at === -1 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)];
  return [recode(name), recode(value)];
}

/** Invalid escapes stay as they are, encoded: such a request has no valid signature anyway. */
function recode(text: string): string {
  try {
    return encodeStrictly(decodeURIComponent(text.replaceAll("+", " ")));
  } catch {
    return encodeStrictly(text);
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

const canonicalValue = ({ headers }: MockRequest, name: string): string =>
  (headers.get(name.toLowerCase()) ?? []).map((value) => value.trim().replace(/ +/g, " ")).join(",");

/** RFC 3986: everything but letters, digits and -._~ */
const encodeStrictly = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);

const sha256 = (input: string | Uint8Array): string => createHash("sha256").update(input).digest("hex");

const hmac = (key: Buffer | string, text: string): Buffer => createHmac("sha256", key).update(text).digest();
