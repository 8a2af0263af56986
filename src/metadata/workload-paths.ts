import { Refusal } from "../core/failure.ts";
import { type PathPolicy, parsePathList } from "../core/path-policy.ts";
import type { Workload } from "../core/workload.ts";

/** What of the host's metadata a workload may read. @throws Refusal `bad-paths` */
export type PathsOf = (workload: Workload) => PathPolicy;

/**
 * The operator's policy, narrowed by the workload's own word. A word that cannot be read leaves nothing: to take it for
 * none would show more than the workload's owner wanted.
 */
export function workloadPaths(policy: PathPolicy): PathsOf {
  const narrowed = new WeakMap<Workload, PathPolicy>();
  return (workload) => {
    const { pathsClaim } = workload;
    if (!pathsClaim) return policy;
    const known = narrowed.get(workload);
    if (known) return known;
    const only = parsePathList(pathsClaim.text);
    if ("kind" in only) {
      const reason = `${JSON.stringify(only.text)}: ${only.reason}`;
      throw new Refusal({ kind: "bad-paths", workload: workload.name, place: pathsClaim.place, reason });
    }
    const own = { ...policy, only };
    narrowed.set(workload, own);
    return own;
  };
}
