import { GUARDED, HARMLESS, LISTINGS } from "./host-documents.ts";

/** As many layers as anyone could have wrapped around a path. */
const MAX_ROUNDS = 8;
const ROOTS = ["api", "dynamic", "meta-data", "user-data"];

/**
 * Reads a target as the most obliging server there could be: every escape is undone as often as it goes, overlong and
 * full-width characters become plain ones, case, white space and controls mean nothing, backslashes are slashes,
 * parameters, query and fragment fall off, dots are resolved, and any version will do, or none.
 *
 * @returns the path below the version
 */
export function generousReading(target: string): string {
  let text = target;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const plainer = plain(text);
    if (plainer === text) break;
    text = plainer;
  }
  const segments = resolved(text.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/, "").replace(/[?#].*$/s, ""));
  const root = segments.findIndex((segment) => ROOTS.some((word) => segment.startsWith(word)));
  return (root === -1 ? [] : segments.slice(root)).join("/");
}

function plain(text: string): string {
  return lenientUtf8(
    text
      .replace(/%u([0-9a-f]{4})/gi, (_, hex: string) => utf8(Number.parseInt(hex, 16)))
      .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
  )
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll("\\", "/")
    .replace(/[\0-\x20\x7f]/g, "");
}

const utf8 = (codePoint: number): string => Buffer.from(String.fromCodePoint(codePoint), "utf8").toString("latin1");

/** Bytes (as latin1) to characters: a lead byte and what follows it, overlong or not; anything else stays what it is. */
function lenientUtf8(bytes: string): string {
  return bytes.replace(/[\xc0-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf7][\x80-\xbf]{3}/g, (sequence) => {
    const [lead = 0, ...rest] = Buffer.from(sequence, "latin1");
    const first = lead & (0x7f >> (rest.length + 1));
    const codePoint = rest.reduce((sum, byte) => (sum << 6) | (byte & 0x3f), first);
    return codePoint > 0x10ffff ? sequence : String.fromCodePoint(codePoint);
  });
}

function resolved(path: string): readonly string[] {
  const segments: string[] = [];
  for (const written of path.split("/")) {
    const segment = written.replace(/;.*$/s, "");
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return segments;
}

export type Found =
  | { readonly kind: "guarded"; readonly path: string }
  | { readonly kind: "listing" | "harmless"; readonly text: string }
  | { readonly kind: "absent" };

/** What such a server has at a path: of the guarded ones, also whatever else begins so. */
export function foundAt(path: string): Found {
  if (GUARDED.some((guarded) => path.startsWith(guarded))) return { kind: "guarded", path };
  const listing = LISTINGS.get(path);
  if (listing !== undefined) return { kind: "listing", text: listing };
  const text = HARMLESS.get(path);
  return text === undefined ? { kind: "absent" } : { kind: "harmless", text };
}
