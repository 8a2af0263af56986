// Metadata paths by prefix: "meta-data/placement" or "meta-data/network/interfaces/macs/*/vpc-id".
export interface PathPattern {
  /** Below the version. A "*" stands for any one segment. */
  readonly segments: readonly string[];
  /** "leaf" is the path itself alone; "tree" everything below it as well. */
  readonly extent: "leaf" | "tree";
}

/**
 * How a pattern lies to a path: it `covers` the path, it names something `below` the path (which is then a directory
 * on the way), or neither.
 */
export type PatternRelation = "covers" | "below" | "apart";

export function relationOf({ segments, extent }: PathPattern, path: readonly string[]): PatternRelation {
  const shared = Math.min(segments.length, path.length);
  for (let i = 0; i < shared; i += 1) if (segments[i] !== "*" && segments[i] !== path[i]) return "apart";
  if (segments.length > path.length) return "below";
  return extent === "tree" || segments.length === path.length ? "covers" : "apart";
}

/** The closest relation of any of the patterns. */
export function closestRelation(patterns: readonly PathPattern[], path: readonly string[]): PatternRelation {
  let closest: PatternRelation = "apart";
  for (const pattern of patterns) {
    const relation = relationOf(pattern, path);
    if (relation === "covers") return "covers";
    if (relation === "below") closest = "below";
  }
  return closest;
}

/** Why a text is no pattern. `reason` completes "…, because …". */
export interface PathPatternError {
  readonly kind: "bad-path-pattern";
  readonly text: string;
  readonly reason: string;
}

/** The three things below a version: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html */
const CATEGORIES: ReadonlySet<string> = new Set(["dynamic", "meta-data", "user-data"]);
const SEGMENT = /^(?:\*|[\w+=,.@:-]+)$/;

/** Total. Slashes at the ends are allowed; what is written is a tree. */
export function parsePathPattern(text: string): PathPattern | PathPatternError {
  const segments = text.replace(/^\/|\/$/g, "").split("/");
  const odd = segments.find((segment) => !SEGMENT.test(segment) || segment === "." || segment === "..");
  if (odd !== undefined) {
    return bad(text, odd === "" ? "a path has no empty segment" : `a path has no segment ${JSON.stringify(odd)}`);
  }
  const [first = ""] = segments;
  if (!CATEGORIES.has(first)) {
    return bad(text, `a path begins with ${[...CATEGORIES].join(", ")}, without a version before it`);
  }
  return { segments, extent: "tree" };
}

const bad = (text: string, reason: string): PathPatternError => ({ kind: "bad-path-pattern", text, reason });
