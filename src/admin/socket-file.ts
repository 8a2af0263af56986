import { once } from "node:events";
import { chownSync, lstatSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { attempt } from "../kit/attempt.ts";

/** What stands where a socket is to be made. */
export type Occupant =
  | "nothing"
  /** A socket that nobody serves any more: its daemon was killed. */
  | "stale"
  /** Somebody serves it, or may: who cannot be asked must not be driven away. */
  | "in-use"
  /** A file of another kind. */
  | "other";

/** struct sockaddr_un: https://man7.org/linux/man-pages/man7/unix.7.html */
const MAX_PATH_BYTES = 107;

export const isTooLong = (path: string): boolean => Buffer.byteLength(path) > MAX_PATH_BYTES;

export async function occupantOf(path: string): Promise<Occupant> {
  const found = attempt(() => lstatSync(path));
  if (!found) return "nothing";
  if (!found.isSocket()) return "other";
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return "in-use";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ECONNREFUSED" ? "stale" : "in-use";
  } finally {
    socket.destroy();
  }
}

export const removeStale = (path: string): void => rmSync(path, { force: true });

/** Whoever may enter the directory as a member of its group may use the socket. Where that cannot be set, its owner's group may. */
export function giveToGroupOf(directory: string, path: string): void {
  attempt(() => chownSync(path, statSync(path).uid, statSync(directory).gid));
}
