import { readFileSync, readlinkSync } from "node:fs";
import { attempt } from "../kit/attempt.ts";

/** What a descriptor of this process is, if it is a stream socket that listens. */
export type ListeningSocket =
  | { readonly kind: "tcp"; readonly port: number }
  /** `path` is empty for a socket that has none. */
  | { readonly kind: "unix"; readonly path: string };

/** The text of a file of /proc/self, e.g. "net/tcp". @throws when there is none */
export type ReadOfProcess = (file: string) => string;

export const readOfProcess: ReadOfProcess = (file) => readFileSync(`/proc/self/${file}`, "latin1");

/** @returns undefined for whatever is none, or is none of this network namespace */
export function listeningSocket(fd: number, read: ReadOfProcess = readOfProcess): ListeningSocket | undefined {
  const link = attempt(() => readlinkSync(`/proc/self/fd/${fd}`));
  const [, inode] = /^socket:\[(\d+)\]$/.exec(link ?? "") ?? [];
  return inode === undefined ? undefined : listedSocket(inode, read);
}

/** The same by the number that the kernel gives to each socket. */
function listedSocket(inode: string, read: ReadOfProcess): ListeningSocket | undefined {
  for (const file of ["net/tcp", "net/tcp6"]) {
    const port = portIn(attempt(() => read(file)) ?? "", inode);
    if (port !== undefined) return { kind: "tcp", port };
  }
  const path = pathIn(attempt(() => read("net/unix")) ?? "", inode);
  return path === undefined ? undefined : { kind: "unix", path };
}

/** "  0: 0100007F:2426 00000000:0000 0A …": https://www.kernel.org/doc/Documentation/networking/proc_net_tcp.txt */
const TCP_LISTEN = "0A";

/** The table holds every connection of this host: only lines with the number somewhere in them are taken apart. */
function portIn(table: string, inode: string): number | undefined {
  for (let at = table.indexOf(` ${inode} `); at !== -1; at = table.indexOf(` ${inode} `, at + 1)) {
    const line = table.slice(table.lastIndexOf("\n", at) + 1, table.indexOf("\n", at));
    const [, local, , state, , , , , , number] = line.trim().split(/\s+/);
    if (number === inode && state === TCP_LISTEN) return Number.parseInt(local?.split(":")[1] ?? "", 16);
  }
  return undefined;
}

/** "ffff8881: 00000002 00000000 00010000 0001 01 21894 /run/x.sock": https://man7.org/linux/man-pages/man5/proc_pid_net.5.html */
const ACCEPTS_CONNECTIONS = 0x10000;
const STREAM = "0001";

function pathIn(table: string, inode: string): string | undefined {
  for (const line of table.split("\n")) {
    const [, , , flags = "", type, , number, path = ""] = line.trim().split(/\s+/);
    const isListening = (Number.parseInt(flags, 16) & ACCEPTS_CONNECTIONS) !== 0;
    if (number === inode && isListening && type === STREAM) return path;
  }
  return undefined;
}
