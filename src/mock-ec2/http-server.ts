import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { EpochMs } from "../core/credentials.ts";
import type { MockAnswer, MockRequest } from "./http-exchange.ts";

export interface HttpServerOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** A longer body is cut one byte beyond, so that whoever answers can see it. */
  readonly maxBodyBytes: number;
  /** True where the service itself closes after each answer. */
  readonly closeAfterAnswer: boolean;
  /** The Server header; undefined for none. */
  readonly serverName?: string;
  readonly now: () => EpochMs;
  readonly answer: (request: MockRequest, peer: string) => MockAnswer;
}

export interface RunningServer {
  /** Without a slash at the end. */
  readonly url: string;
  close(): Promise<void>;
}

/** Resolves once the address is bound; rejects with the system's own error, `code` included. */
export async function startHttpServer(options: HttpServerOptions): Promise<RunningServer> {
  const server = createServer({ requireHostHeader: false, headersTimeout: 5000, requestTimeout: 10_000 });
  server.on("request", (incoming, outgoing) => void exchange(incoming, outgoing, options));
  await listening(server, options);
  return { url: urlOf(server, options.host), close: () => closed(server) };
}

const listening = (server: Server, { host, port }: HttpServerOptions): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off("error", reject);
      resolve();
    });
  });

function urlOf(server: Server, host: string): string {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a listening server has an address and a port");
  return `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`;
}

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

async function exchange(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  options: HttpServerOptions,
): Promise<void> {
  try {
    const request = await readRequest(incoming, options.maxBodyBytes);
    // Undefined when the peer has already gone, on Node and on Bun.
    const peer = incoming.socket.remoteAddress?.replace(/^::ffff:/, "") ?? "unknown";
    const answer = options.answer(request, peer);
    writeHead(outgoing, answer, options);
    outgoing.end(incoming.method === "HEAD" ? undefined : answer.body);
  } catch {
    // The peer went away in the middle of its body: there is nobody to answer.
    outgoing.destroy();
  }
}

/** Rejects when the peer goes away before the end of its body. */
export async function readRequest(incoming: IncomingMessage, maxBodyBytes: number): Promise<MockRequest> {
  const body = await readBody(incoming, maxBodyBytes);
  return { method: incoming.method ?? "", target: incoming.url ?? "", headers: headersOf(incoming), body };
}

/** Reads to the end, but keeps no more than the limit and one byte. */
async function readBody(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    if (length <= maxBytes) chunks.push(chunk);
    length += chunk.length;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes + 1);
}

/** From the raw list: Node joins or drops repeated fields in its own. */
function headersOf({ rawHeaders }: IncomingMessage): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? "").toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), rawHeaders[i + 1] ?? ""]);
  }
  return headers;
}

/** How a service answers, whatever it says. */
export type Manner = Pick<HttpServerOptions, "closeAfterAnswer" | "serverName" | "now">;

/** For the whole body, in UTF-8. */
export function writeHead(outgoing: ServerResponse, { status, headers, body }: MockAnswer, manner: Manner): void {
  outgoing.sendDate = false;
  outgoing.writeHead(status, [
    ...headers.flat(),
    ...["Content-Length", String(Buffer.byteLength(body)), "Date", new Date(manner.now()).toUTCString()],
    ...(manner.serverName === undefined ? [] : ["Server", manner.serverName]),
    ...(manner.closeAfterAnswer ? ["Connection", "close"] : []),
  ]);
}
