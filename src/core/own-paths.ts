import { Refusal } from "./failure.ts";
import type { PathPattern } from "./path-pattern.ts";
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
  const only = parsePathList(pathsClaim.text);
  if (!("kind" in only)) return only;
  const reason = `${JSON.stringify(only.text)}: ${only.reason}`;
  throw new Refusal({ kind: "bad-paths", workload: name, place: pathsClaim.place, reason });
}
