import type { Workload } from "../core/workload.ts";
import type { Binding, WorkloadResolver } from "./workload-resolver.ts";

/** Workloads at addresses that never change hands, e.g. the demo's on loopback. */
export function staticWorkloads(byAddress: ReadonlyMap<string, Workload>): WorkloadResolver {
  const bindings = new Map<string, Binding>();
  for (const [address, workload] of byAddress) bindings.set(address, { address, workload, isCurrent: () => true });
  return { source: "static", resolve: ({ address }) => Promise.resolve(bindings.get(address)) };
}
