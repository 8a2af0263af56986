import type { EngineEvent } from "./engine.ts";

/** What an event means for who owns which address. */
export type EngineChange =
  | { readonly kind: "container-created"; readonly containerId: string }
  | { readonly kind: "container-began"; readonly containerId: string }
  | { readonly kind: "container-ended"; readonly containerId: string }
  /** `network` is an id, or with podman a name, or "" with a podman (4.3) that does not say which. */
  | { readonly kind: "network-joined"; readonly containerId: string; readonly network: string }
  | { readonly kind: "network-left"; readonly containerId: string; readonly network: string }
  | { readonly kind: "network-made" }
  | { readonly kind: "network-gone"; readonly network: string };

/** What to subscribe to, so that health checks and execs do not wake the daemon. "died" is podman's inner name of "die". */
export const CHANGE_TYPES = ["container", "network"] as const;
export const CHANGE_ACTIONS = [
  "start",
  "die",
  "died",
  "destroy",
  "remove",
  "rename",
  "create",
  "connect",
  "disconnect",
] as const;

/**
 * Reads Type, Action and Actor only: `status`, `id` and `from` are gone since API 1.52. Undefined for what changes no
 * owner and starts nothing: a rename, an action that some later Engine invents.
 */
export function changeOf({ type, action, actorId, attributes }: EngineEvent): EngineChange | undefined {
  if (action === "connect" || action === "disconnect") return membership(action, actorId, attributes);
  if (actorId === "") return undefined;
  if (type === "container") return life(action, actorId);
  return type === "network" ? network(action, actorId) : undefined;
}

/**
 * Docker: the actor is the network, the container an attribute. podman: the other way round, and the network by name,
 * or (4.3.1) not at all: then whatever the container has is in doubt.
 */
function membership(
  action: "connect" | "disconnect",
  actorId: string,
  attributes: EngineEvent["attributes"],
): EngineChange | undefined {
  const { container, network: networkName } = attributes;
  const kind = action === "connect" ? "network-joined" : "network-left";
  if (container) return { kind, containerId: container, network: actorId };
  return actorId ? { kind, containerId: actorId, network: networkName ?? "" } : undefined;
}

function life(action: string, containerId: string): EngineChange | undefined {
  switch (action) {
    case "create":
      return { kind: "container-created", containerId };
    case "start":
      return { kind: "container-began", containerId };
    case "die":
    case "died":
    case "destroy":
    case "remove":
      return { kind: "container-ended", containerId };
    default:
      return undefined;
  }
}

function network(action: string, actorId: string): EngineChange | undefined {
  if (action === "create") return { kind: "network-made" };
  return action === "destroy" || action === "remove" ? { kind: "network-gone", network: actorId } : undefined;
}
