import { isIPv4 } from "node:net";

/** How far the answers of a metadata service may travel from this host on. */
export type AnswerHops = "no further" | "further";

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_IP = 0;
/** https://github.com/torvalds/linux/blob/v6.1/include/uapi/linux/in.h#L109: packets of this connection with a lower TTL are dropped */
const IP_MINTTL = 21;
const SOL_SOCKET = 1;
/** https://github.com/torvalds/linux/blob/v6.1/include/uapi/asm-generic/socket.h#L38, the same on x64 and arm64 */
const SO_RCVTIMEO = 20;
const SO_SNDTIMEO = 21;
const TIMEOUT_SECONDS = 1;

/**
 * Whether what the service answers to the request for a token would still live when this host hands it on to a container. The
 * limit is the TTL that the answer arrives with, and the kernel can be told to drop what has less than two.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-options.html
 *
 * @param url "http://169.254.169.254"
 * @returns undefined where there is no answer to tell it by, and on Node, which cannot ask the kernel
 */
export async function hopsOfAnswers(url: string): Promise<AnswerHops | undefined> {
  const { hostname, port } = new URL(url);
  if (process.versions["bun"] === undefined || !isIPv4(hostname)) return undefined;
  const ask = await asking(hostname, Number(port || 80));
  if (!ask(1)) return undefined;
  return ask(2) ? "further" : "no further";
}

const int32 = (...values: readonly number[]): Uint8Array => new Uint8Array(Int32Array.from(values).buffer);
/** struct timeval, of two 64-bit numbers. */
const timeout = int32(TIMEOUT_SECONDS, 0, 0, 0);

/** Asks for a token, and takes the answer only with at least this TTL. */
async function asking(hostname: string, port: number): Promise<(leastTtl: number) => boolean> {
  const { dlopen } = await import("bun:ffi");
  const { symbols } = dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    setsockopt: { args: ["i32", "i32", "i32", "ptr", "i32"], returns: "i32" },
    connect: { args: ["i32", "ptr", "i32"], returns: "i32" },
    send: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
    recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
    close: { args: ["i32"], returns: "i32" },
  });
  const address = Buffer.concat([
    ...[Buffer.of(AF_INET, 0, port >> 8, port & 0xff), Buffer.from(hostname.split(".").map(Number)), Buffer.alloc(8)],
  ]);
  const request = Buffer.from(
    `PUT /latest/api/token HTTP/1.1\r\nHost: ${hostname}\r\nX-aws-ec2-metadata-token-ttl-seconds: 1\r\nContent-Length: 0\r\n\r\n`,
  );
  return (leastTtl) => {
    const descriptor = symbols.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const set = (level: number, name: number, value: Uint8Array) =>
      symbols.setsockopt(descriptor, level, name, value, value.length);
    for (const name of [SO_RCVTIMEO, SO_SNDTIMEO]) set(SOL_SOCKET, name, timeout);
    const answer = Buffer.alloc(64);
    if (symbols.connect(descriptor, address, address.length) === 0) {
      set(IPPROTO_IP, IP_MINTTL, int32(leastTtl)); // after connecting: what opens the connection may have another
      symbols.send(descriptor, request, request.length, 0);
      symbols.recv(descriptor, answer, answer.length, 0);
    }
    symbols.close(descriptor);
    return answer.toString("latin1").startsWith("HTTP/1.1 200");
  };
}
