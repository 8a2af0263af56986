import { canonicalAddress } from "../kit/ip-address.ts";

export interface SocketEnd {
  /** As {@link canonicalAddress} spells it. */
  readonly address: string;
  readonly port: number;
}

export interface ListedSocket {
  readonly local: SocketEnd;
  readonly remote: SocketEnd;
  /** By path, or by inode where ss may not ask the kernel for the path; undefined when the socket has none. */
  readonly cgroup: { readonly path: string } | { readonly inode: number } | undefined;
}

/** The sockets whose own end is this one. */
export const socketsArgv = ({ address, port }: SocketEnd): readonly string[] => [
  ...["ss", "-tneH", "src"],
  address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`,
];

const END = /^\[?(?<address>[0-9a-f.:]+?)(?:%[^\]]*)?\]?(?:%\S+)?:(?<port>\d+)$/;

/**
 * Reads what `ss -tneH` prints, as of iproute2 5.10 to 6.16:
 *
 *     ESTAB 0 0 198.18.0.1:50204 169.254.169.254:80 ino:26789305 sk:1166 cgroup:/docker/9f3c8d7e <->
 *     ESTAB 0 0 [fd00:198::1]:35926 [fd00:ec2::254]:80 uid:990 ino:2678 sk:298 cgroup:unreachable:1281f <->
 */
export const parseSockets = (text: string): readonly ListedSocket[] => text.split("\n").flatMap(parseSocket);

function parseSocket(line: string): readonly ListedSocket[] {
  const [, , , own = "", other = ""] = line.trim().split(/\s+/);
  const [local, remote] = [endOf(own), endOf(other)];
  return local && remote ? [{ local, remote, cgroup: cgroupIn(line) }] : [];
}

function endOf(text: string): SocketEnd | undefined {
  const { address = "", port } = END.exec(text)?.groups ?? {};
  const canonical = canonicalAddress(address);
  return canonical === undefined ? undefined : { address: canonical, port: Number(port) };
}

function cgroupIn(line: string): ListedSocket["cgroup"] {
  const text = / cgroup:(\S+)/.exec(line)?.[1];
  const inode = /^unreachable:([0-9a-f]+)$/.exec(text ?? "")?.[1];
  if (inode !== undefined) return { inode: Number.parseInt(inode, 16) };
  return text === undefined ? undefined : { path: text };
}
