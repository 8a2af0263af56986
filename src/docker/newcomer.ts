import type { FreshEngine } from "./fresh-engine.ts";

/** A container of which an event tells, before it has asked for anything. */
export interface Newcomer {
  readonly containerId: string;
  /** An id, or with podman a name; undefined when all that is known is that it runs. */
  readonly network?: string;
}

/** @throws EngineError */
export async function addressesOf(engine: FreshEngine, { containerId, network }: Newcomer): Promise<readonly string[]> {
  if (network === undefined) {
    const container = await engine.container(containerId);
    return container?.attachments.flatMap(({ addresses }) => addresses) ?? [];
  }
  const members = (await engine.network(network))?.members ?? [];
  return members.filter((member) => member.containerId === containerId).flatMap(({ addresses }) => addresses);
}
