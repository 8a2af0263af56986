import { Refusal } from "./failure.ts";
import type { PathPattern, PathPatternError } from "./path-pattern.ts";
import { parsePathList } from "./path-policy.ts";
import type { Workload } from "./workload.ts";

/**
 * What a workload left itself of the host's metadata; undefined for all that the operator lets through. A word that
 * cannot be read leaves nothing: to take it for none would show more than the workload's owner wanted.
 *
 * @throws Refusal `bad-paths`
 */
export function ownPathsOf({ name, pathsClaim }: Workload): readonly PathPattern[] | undefined {
  if (!pathsClaim) return undefined;
  const { text, place } = pathsClaim;
  const only = text.length > MOST_TEXT ? tooLong(text) : parsePathList(text);
  if (!("kind" in only)) return only;
  const reason = `${JSON.stringify(only.text)}: ${only.reason}`;
  throw new Refusal({ kind: "bad-paths", workload: name, place, reason });
}

/** Each path that it names is held against each path that is asked for. */
const MOST_TEXT = 4_096;
const MOST_SHOWN = 40;

const tooLong = (text: string): PathPatternError => ({
  kind: "bad-path-pattern",
  text: `${text.slice(0, MOST_SHOWN)}…`,
  reason: `it has ${text.length} characters, and at most ${MOST_TEXT} are read`,
});
