import type { Peer } from "../core/peer.ts";

/** Whose the other end of a connection is that never left this host. */
export type ConnectionOwner =
  | { readonly kind: "container"; readonly containerId: string }
  /** `reason` completes "it cannot be told, as …". */
  | { readonly kind: "nobody-known"; readonly reason: string };

/** Asks the kernel anew each time: an address and a port are another's as soon as the connection is closed. */
export type FindConnectionOwner = (peer: Peer) => Promise<ConnectionOwner>;
