import { Refusal } from "../core/failure.ts";
import { type AllowedPath, type PathPolicy, type PathVerdict, verdictOn } from "../core/path-policy.ts";

/** Reads the host's metadata under one version ("" and [] for the list of versions). Undefined is upstream's 404. */
export type ReadUpstream = (version: string, path: AllowedPath | readonly []) => Promise<Uint8Array | undefined>;

/** The host's own metadata as one workload may see it. */
export interface View {
  readonly readUpstream: ReadUpstream;
  readonly policy: PathPolicy;
  readonly version: string;
}

/** Listed by the real service although an instance may have none. */
const LISTED_WHEN_ABSENT: ReadonlySet<string> = new Set(["user-data"]);

/**
 * @param path below the version, canonical
 * @returns a document or a whole listing as upstream has it; of a partial one only what the workload may fetch
 * @throws Refusal `path-blocked`, `path-forbidden`, `path-unknown`, `upstream-unavailable`
 */
export async function hostDocument(view: View, path: readonly string[]): Promise<Uint8Array | readonly string[]> {
  const verdict = verdictOn(view.policy, path);
  if (verdict.kind === "directory") return await shownEntries(view, verdict.path);
  return await existing(view.readUpstream(view.version, readable(path, verdict)));
}

function readable(path: readonly string[], verdict: Exclude<PathVerdict, { kind: "directory" }>): AllowedPath {
  if (verdict.kind === "document") return verdict.path;
  const name = path.join("/");
  throw new Refusal(
    verdict.kind === "never"
      ? { kind: "path-forbidden", path: name, because: verdict.because }
      : { kind: "path-blocked", path: name },
  );
}

async function shownEntries(view: View, path: AllowedPath): Promise<readonly string[]> {
  const lines = linesOf(await existing(view.readUpstream(view.version, path)));
  const shown = await Promise.all(lines.map((line) => isShown(view, [...path, line.replace(/\/$/, "")])));
  const entries = lines.filter((_, i) => shown[i]);
  if (entries.length === 0) throw new Refusal({ kind: "path-unknown" });
  return entries;
}

/** What is listed can be fetched: a crawler that meets a listed 404 gives up (cloud-init does). */
async function isShown(view: View, path: readonly string[]): Promise<boolean> {
  const verdict = verdictOn(view.policy, path);
  if (verdict.kind !== "document" && verdict.kind !== "directory") return false;
  if (verdict.kind === "document" && !LISTED_WHEN_ABSENT.has(path.join("/"))) return true;
  return await hostDocument(view, path).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Refusal && error.failure.kind === "path-unknown") return false;
      throw error;
    },
  );
}

export const linesOf = (listing: Uint8Array): readonly string[] =>
  Buffer.from(listing)
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "");

export async function existing(document: Promise<Uint8Array | undefined>): Promise<Uint8Array> {
  const body = await document;
  if (!body) throw new Refusal({ kind: "path-unknown" });
  return body;
}
