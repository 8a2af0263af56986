import { splitTarget } from "./http-exchange.ts";

/** A request target as a list of names, or the status that refuses it. */
export type MetadataTarget =
  | { readonly kind: "segments"; readonly segments: readonly string[] }
  | { readonly kind: "refused"; readonly status: 400 | 404 };

const malformed: MetadataTarget = { kind: "refused", status: 400 };
const unknown: MetadataTarget = { kind: "refused", status: 404 };

/**
 * Reads a target leniently where clients differ (doubled and trailing slashes,
 * percent-encoded names, a query) and refuses what none of them sends.
 */
export function parseMetadataTarget(target: string): MetadataTarget {
  const { path } = splitTarget(target);
  if (!path.startsWith("/") || /[^!-~]|\\/.test(path)) return malformed;
  const decoded = decode(path);
  if (decoded === undefined) return malformed;
  const segments = decoded.split("/").filter((segment) => segment !== "");
  return isPlain(path, decoded, segments) ? { kind: "segments", segments } : unknown;
}

/** No second encoding, no slash in disguise, nothing to resolve. */
const isPlain = (path: string, decoded: string, segments: readonly string[]): boolean =>
  !/%2f|%5c/i.test(path) && !/[%\p{Cc}]/u.test(decoded) && !segments.includes(".") && !segments.includes("..");

function decode(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
