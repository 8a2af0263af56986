import { readdirSync } from "node:fs";
import { listeningSocket, type ReadOfProcess, readOfProcess } from "./listening-socket.ts";

/** listen(2): "may be called again", which the kernel takes as a new length. https://github.com/torvalds/linux/blob/v6.1/net/ipv4/af_inet.c#L191 */
type Listen = (fd: number, length: number) => number;

/**
 * Makes the queue of those who connect to a port of this process as long as asked for, as far as net.core.somaxconn
 * allows: whoever finds it full is heard a second later, when the kernel sends the SYN once more. Node listens as it is told;
 * Bun (1.4) makes every queue 512 long, one that it is given too.
 *
 * @returns why it could not be done
 */
export async function lengthenListenQueue(port: number, length: number): Promise<string | undefined> {
  if (process.versions["bun"] === undefined) return undefined;
  try {
    const listen = await listenOfLibc();
    const refused = descriptorsListeningOn(port).filter((fd) => listen(fd, length) !== 0);
    return refused.length === 0 ? undefined : `listen(2) refuses descriptor ${refused.join(", ")}`;
  } catch (error) {
    return (error as Error).message;
  }
}

/** With the tables read once, since they hold every connection of this host. */
function descriptorsListeningOn(port: number): readonly number[] {
  const tables = new Map<string, string>();
  const read: ReadOfProcess = (file) => {
    const text = tables.get(file) ?? readOfProcess(file);
    tables.set(file, text);
    return text;
  };
  const fds = readdirSync("/proc/self/fd").map(Number);
  return fds.filter((fd) => {
    const socket = listeningSocket(fd, read);
    return socket?.kind === "tcp" && socket.port === port;
  });
}

/** https://bun.com/docs/runtime/ffi */
async function listenOfLibc(): Promise<Listen> {
  const { dlopen } = await import("bun:ffi");
  const { symbols } = dlopen("libc.so.6", { listen: { args: ["i32", "i32"], returns: "i32" } });
  return symbols.listen;
}
