import { ownPathsOf } from "../core/own-paths.ts";
import type { PathPolicy } from "../core/path-policy.ts";
import type { Workload } from "../core/workload.ts";

/** What of the host's metadata a workload may read. @throws Refusal `bad-paths` */
export type PathsOf = (workload: Workload) => PathPolicy;

/** The operator's policy, narrowed by the workload's own word. */
export function workloadPaths(policy: PathPolicy): PathsOf {
  const narrowed = new WeakMap<Workload, PathPolicy>();
  return (workload) => {
    const known = narrowed.get(workload);
    if (known) return known;
    const only = ownPathsOf(workload);
    const own = only ? { ...policy, only } : policy;
    narrowed.set(workload, own);
    return own;
  };
}
