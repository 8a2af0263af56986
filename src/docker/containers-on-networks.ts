import type { FreshEngine } from "./fresh-engine.ts";

/** By id, each container that has an address now: one call for each network. @throws EngineError */
export async function containersOnNetworks(engine: FreshEngine): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for (const { id } of await engine.networks()) {
    const network = await engine.network(id);
    for (const { addresses, containerId } of network?.details.members ?? [])
      if (addresses.length > 0) ids.add(containerId);
  }
  return ids;
}
