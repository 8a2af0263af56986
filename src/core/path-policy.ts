import { ALLOWED_ENTRIES, NEVER_ENTRIES } from "./allowed-paths.ts";
import {
  closestRelation,
  type PathPattern,
  type PathPatternError,
  parsePathPattern,
  relationOf,
} from "./path-pattern.ts";

/** The operator's word on top of the allow list. */
export interface MetadataPaths {
  /** Opened as well, never-entries excepted. */
  readonly allow: readonly string[];
  /** Closed, whatever is open. */
  readonly deny: readonly string[];
}

/** What of the host's metadata one workload may read. */
export interface PathPolicy {
  readonly allowed: readonly PathPattern[];
  readonly denied: readonly PathPattern[];
  /** What the workload left itself of it; undefined for all. */
  readonly only?: readonly PathPattern[];
}

declare const allowed: unique symbol;

/** A path below the version that a policy lets through: only {@link verdictOn} makes one. */
export type AllowedPath = readonly string[] & { readonly [allowed]: true };

export type PathVerdict =
  /** May be asked of the upstream service as it is, with all that is below. */
  | { readonly kind: "document"; readonly path: AllowedPath }
  /** A directory of which only a part may be read: each entry of its listing has a verdict of its own. */
  | { readonly kind: "directory"; readonly path: AllowedPath }
  /** Blocked, or never heard of, which is the same to a workload. */
  | { readonly kind: "blocked" }
  /** Blocked for good, whatever the operator opens. */
  | { readonly kind: "never"; readonly because: string };

/** @throws when a path is none: they are checked where they are read (app/options.ts) */
export const pathPolicy = ({ allow, deny }: MetadataPaths): PathPolicy => ({
  allowed: [...ALLOWED_ENTRIES, ...allow.map(patternOf)],
  denied: [...NEVER_ENTRIES, ...deny.map(patternOf)],
});

function patternOf(text: string): PathPattern {
  const parsed = parsePathPattern(text);
  if ("kind" in parsed) throw new Error(`${text} is no path of the metadata: ${parsed.reason}`);
  return parsed;
}

/** @param path below the version, canonical; [] is the version itself */
export function verdictOn({ allowed: open, denied, only }: PathPolicy, path: readonly string[]): PathVerdict {
  const because = neverShown(path);
  if (because !== undefined) return { kind: "never", because };
  const [toOpen, toDenied] = [closestRelation(open, path), closestRelation(denied, path)];
  const toOnly = only ? closestRelation(only, path) : "covers";
  if (toDenied === "covers" || toOpen === "apart" || toOnly === "apart") return { kind: "blocked" };
  const whole = toOpen === "covers" && toOnly === "covers" && toDenied === "apart";
  return { kind: whole ? "document" : "directory", path: path as AllowedPath };
}

/** The value of a list that leaves nothing. */
const NOTHING = "none";

/** What a workload wrote to narrow its own view: "none", or paths with commas or white space between. Total. */
export function parsePathList(text: string): readonly PathPattern[] | PathPatternError {
  const words = text.split(/[\s,]+/).filter((word) => word !== "");
  if (words.length === 1 && words[0] === NOTHING) return [];
  if (words.length === 0) return { kind: "bad-path-pattern", text, reason: `it is empty; write "${NOTHING}" for none` };
  const patterns: PathPattern[] = [];
  for (const word of words) {
    const parsed = parsePathPattern(word);
    if ("kind" in parsed) return parsed;
    patterns.push(parsed);
  }
  return patterns;
}

/** Why a path is never shown, whatever is opened: it is a never-entry or below one. Undefined for any other. */
export const neverShown = (path: readonly string[]): string | undefined =>
  NEVER_ENTRIES.find((entry) => relationOf(entry, path) === "covers")?.because;
