/** @returns why it was not sent */
export type SendDatagram = (text: string) => string | undefined;

/** https://github.com/torvalds/linux/blob/v6.1/include/linux/net.h#L63, the same on x64 and arm64 */
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const AF_UNIX = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/**
 * Sends datagrams to a unix socket, by libc: neither Node nor Bun can. The kernel says who sent them, so systemd takes
 * them for the main process's.
 *
 * @param path as in NOTIFY_SOCKET: absolute, or with "@" before an abstract name
 * @returns undefined on Node, where no function of libc can be called
 */
export async function datagramsTo(path: string): Promise<SendDatagram | undefined> {
  if (process.versions["bun"] === undefined) return undefined;
  const { dlopen } = await import("bun:ffi");
  const { symbols } = dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "i32"], returns: "i32" },
  });
  const descriptor = symbols.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const address = unixAddress(path);
  return (text) => {
    const bytes = Buffer.from(text);
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    const sent = symbols.sendto(descriptor, bytes, bytes.length, flags, address, address.length);
    return sent === bytes.length ? undefined : `sendto(2) to ${path} fails`;
  };
}

/** struct sockaddr_un, as long as it needs to be: https://man7.org/linux/man-pages/man7/unix.7.html */
function unixAddress(path: string): Buffer {
  const name = Buffer.from(path);
  if (path.startsWith("@")) name[0] = 0;
  return Buffer.concat([Buffer.of(AF_UNIX, 0), name, ...(path.startsWith("@") ? [] : [Buffer.of(0)])]);
}
