import { connect } from "node:net";

export interface Destination {
  readonly host: string;
  readonly port: number;
}

/** All that came on one connection, or the system's word for why nothing did, e.g. "ECONNREFUSED". */
export type Reply = { readonly text: string } | { readonly error: string };

/** What an HTTP server said, or the system's word for why it said nothing. */
export type Answer = { readonly status: number; readonly body: string } | { readonly error: string };

export interface Question {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Where every container finds its metadata service, and where one with IPv6 does. */
export const METADATA_SERVICE: Destination = { host: "169.254.169.254", port: 80 };
export const METADATA_SERVICE_6: Destination = { host: "fd00:ec2::254", port: 80 };

/** The daemon holds a request for up to four seconds until it knows who asks. */
const TIMEOUT_MS = 6_000;

/** One request on a connection of its own, byte for byte: no client's reading of a path comes between. */
export function exchange({ host, port }: Destination, request: string): Promise<Reply> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    const socket = connect({ host, port });
    const end = (reply: Reply): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reply);
    };
    const timer = setTimeout(() => end({ error: "ETIMEDOUT" }), TIMEOUT_MS);
    socket.on("data", (part) => parts.push(part));
    socket.on("error", (error: NodeJS.ErrnoException) => end({ error: error.code ?? error.message }));
    socket.on("close", () => end({ text: Buffer.concat(parts).toString("latin1") }));
    socket.write(request, "latin1");
  });
}

/** By HTTP/1.0, after whose answer each server closes. Not through a proxy, whatever the environment says. */
export async function ask(to: Destination, { method = "GET", path, headers = {} }: Question): Promise<Answer> {
  const lines = Object.entries({ Host: to.host.includes(":") ? `[${to.host}]` : to.host, ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const reply = await exchange(to, `${method} ${path} HTTP/1.0\r\n${lines.join("")}\r\n`);
  if ("error" in reply) return reply;
  const status = /^HTTP\/1\.[01] (\d{3}) /.exec(reply.text)?.[1];
  return status === undefined ? { error: "no HTTP" } : { status: Number(status), body: bodyOf(reply) };
}

/** "" where there is none. */
export const bodyOf = (reply: Reply): string =>
  "text" in reply ? reply.text.split("\r\n\r\n").slice(1).join("\r\n\r\n") : "";
