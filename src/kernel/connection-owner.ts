import type { ConnectionOwner } from "../broker/connection-owner.ts";
import type { Peer } from "../core/peer.ts";
import type { RunCommand } from "../kit/run-command.ts";
import { containerIdIn } from "./cgroup-path.ts";
import type { ContainerCgroups } from "./container-cgroups.ts";
import { INTERCEPTED_PORT, type InterceptedAddress } from "./intercepted-address.ts";
import { type ListedSocket, parseSockets, socketsArgv } from "./socket-listing.ts";

export interface ConnectionOwnerParts {
  readonly run: RunCommand;
  /** Those that are redirected: what the socket at the other end believes it is connected to. */
  readonly addresses: readonly InterceptedAddress[];
  readonly cgroups: Pick<ContainerCgroups, "parents" | "servicesSlice" | "pathOf">;
}

/**
 * The container that has the other end of a redirected connection, by the socket itself: the kernel keeps with each
 * socket the cgroup that it was made in. Never a guess: what is not one container's alone is nobody's.
 */
export async function findConnectionOwner(parts: ConnectionOwnerParts, peer: Peer): Promise<ConnectionOwner> {
  const outcome = await parts.run(socketsArgv(peer));
  if (outcome.kind !== "exited" || outcome.code !== 0) return unknown("ss (iproute2) cannot list its socket");
  const sockets = parseSockets(outcome.stdout).filter((socket) => isOther(socket, peer, parts.addresses));
  if (sockets.length === 0) return unknown("no socket of this host has this connection; it may have been closed");
  const owners = new Set(sockets.map((socket) => ownerOf(socket, parts)));
  const [owner] = owners;
  if (owners.size > 1) return unknown("sockets of several processes have its port");
  return owner === undefined ? unknown("its socket was not made in a container") : container(owner);
}

const unknown = (reason: string): ConnectionOwner => ({ kind: "nobody-known", reason });
const container = (containerId: string): ConnectionOwner => ({ kind: "container", containerId });

/**
 * One port may lead to several of the addresses: the kernel then gives the second connection another port on its way
 * here, so that neither can be told from the other by it.
 */
const isOther = ({ local, remote }: ListedSocket, peer: Peer, addresses: readonly InterceptedAddress[]): boolean =>
  local.address === peer.address &&
  local.port === peer.port &&
  remote.port === INTERCEPTED_PORT &&
  addresses.some(({ address }) => address === remote.address);

function ownerOf({ cgroup }: ListedSocket, { cgroups }: ConnectionOwnerParts): string | undefined {
  if (cgroup === undefined) return undefined;
  const path = "path" in cgroup ? cgroup.path : cgroups.pathOf(cgroup.inode);
  return path === undefined ? undefined : containerIdIn(path, cgroups);
}
