/**
 * One spelling for every path, before anything is decided about it. What the
 * metadata service would make of an odd spelling does not matter: an odd one is
 * refused or becomes this form, and the upstream request is built from this form.
 */
export interface MetadataPath {
  readonly kind: "path";
  /** Decoded once, never empty, never "." or ".."; [] is "/" itself. */
  readonly segments: readonly string[];
}

export type MetadataPathError =
  /** Not a request target at all: 400. */
  | { readonly kind: "malformed"; readonly reason: string }
  /** Well-formed, but no path of ours is ever spelt so: 404. */
  | { readonly kind: "unknown" };

const ABSOLUTE_FORM = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i;
const PRINTABLE = /^[!-[\]-~]*$/;
const ESCAPE = /%[0-9a-fA-F]{2}/g;
const BAD_ESCAPE = /%(?![0-9a-fA-F]{2})/;
/**
 * What a decoded segment may hold: what occurs in role names, MAC addresses and tag keys. No ";", which some servers take
 * for the end of a name: "..;" would then be "..".
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html
 */
const SEGMENT = /^[\w+=,.@:-]+$/;

/** Total: never throws. Trailing, doubled and missing slashes mean nothing, as to the real service. */
export function canonicalPath(target: string): MetadataPath | MetadataPathError {
  const path = pathPart(target);
  if (!path.startsWith("/")) return { kind: "malformed", reason: "the target is not a path" };
  if (!PRINTABLE.test(path))
    return { kind: "malformed", reason: "the target has a byte outside printable ASCII, or a \\" };
  if (BAD_ESCAPE.test(path)) return { kind: "malformed", reason: "the target has an invalid percent escape" };
  const segments: string[] = [];
  for (const raw of path.split("/")) {
    if (raw === "") continue;
    const segment = decodedOnce(raw);
    if (!SEGMENT.test(segment) || segment === "." || segment === "..") return { kind: "unknown" };
    segments.push(segment);
  }
  return { kind: "path", segments };
}

function pathPart(target: string): string {
  const absolute = ABSOLUTE_FORM.exec(target);
  const rest = absolute ? target.slice(absolute[0].length) || "/" : target;
  const end = rest.search(/[?#]/);
  return end === -1 ? rest : rest.slice(0, end);
}

/** Byte by byte: an escape above 0x7f stays outside SEGMENT, so overlong UTF-8 never becomes a character. */
const decodedOnce = (raw: string): string =>
  raw.includes("%")
    ? raw.replace(ESCAPE, (encoded) => String.fromCharCode(Number.parseInt(encoded.slice(1), 16)))
    : raw;

/** The path as it is asked of the upstream service: every segment encoded afresh. */
export const encodedPath = (segments: readonly string[]): string => segments.map(encodeURIComponent).join("/");
