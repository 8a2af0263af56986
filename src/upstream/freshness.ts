import { ALLOWED_ENTRIES } from "../core/allowed-paths.ts";
import { closestRelation, type PathPattern } from "../core/path-pattern.ts";

export interface Freshness {
  /** How long an answer is served without asking again. */
  readonly ms: number;
  /** What cannot change while this host is up: an old answer is as good as a new one when upstream is silent. */
  readonly isStatic: boolean;
}

const STATIC: Freshness = { ms: 3 * 60 * 60_000, isStatic: true };
/** Agents poll these to drain a host in time; their listings appear and go with them. */
const BRIEF: Freshness = { ms: 2_000, isStatic: false };
/** What the operator opened besides, and what is not known here: it may change, and nobody waits for it. */
const UNKNOWN: Freshness = { ms: 60_000, isStatic: false };

const tree = (path: string): PathPattern => ({ segments: path.split("/"), extent: "tree" });
const leaf = (path: string): PathPattern => ({ segments: path.split("/"), extent: "leaf" });

const BRIEF_PATHS: readonly PathPattern[] = [
  tree("meta-data/autoscaling"),
  tree("meta-data/events"),
  leaf("meta-data/instance-action"),
  tree("meta-data/spot"),
  tree("meta-data/tags"),
  leaf("meta-data"), // lists these when there are any
];
const STATIC_PATHS: readonly PathPattern[] = [...ALLOWED_ENTRIES, leaf("dynamic"), leaf("dynamic/instance-identity")];

/** @param path below the version; [] is a version's own listing, or that of the versions */
export function freshnessOf(path: readonly string[]): Freshness {
  if (closestRelation(BRIEF_PATHS, path) === "covers") return BRIEF;
  return path.length === 0 || closestRelation(STATIC_PATHS, path) === "covers" ? STATIC : UNKNOWN;
}

/** Something that is not there may come: the absence of a static leaf is believed for a while only. */
export const freshnessOfAbsence = (path: readonly string[]): Freshness =>
  freshnessOf(path) === BRIEF ? BRIEF : UNKNOWN;
