import { readFileSync } from "node:fs";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { StsEnvironment } from "./sts-environment.ts";

export interface StsAgents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
  /** After a connection was found dead: the others that lie idle may be so too (a firewall that forgot them all). */
  dropIdle(): void;
  close(): void;
}

/** As many as there are calls at once at the most, so that no call waits for a connection. */
const MAX_CONNECTIONS = 64;
/** Shorter than any NAT gateway or load balancer of AWS keeps an idle connection (350 s), so that the client closes first. */
const IDLE_MS = 55_000;

/**
 * Connections to STS: kept, so that a call needs no new handshake; through HTTPS_PROXY where one is set.
 *
 * `proxyEnv` is the runtime's own support, the same in Node (22.21, 24.5) and in Bun (1.4). An http endpoint is an
 * emulator's, and is asked directly.
 */
export function stsAgents({ proxy, caBundle }: StsEnvironment, connectMs: number): StsAgents {
  const kept = { keepAlive: true, maxSockets: MAX_CONNECTIONS, maxFreeSockets: MAX_CONNECTIONS };
  const http = new HttpAgent({ ...kept, timeout: IDLE_MS });
  const https = new TunnelAgent({
    ...kept,
    timeout: connectMs, // the only thing that ends the wait for a silent proxy's CONNECT: aborting the request does not
    proxyEnv: proxy,
    ...(caBundle !== undefined && { ca: readFileSync(caBundle) }),
  });
  return {
    http,
    https,
    dropIdle: () => [http, https].flatMap(idleOf).forEach((socket) => void socket.destroy()),
    close: () => [http, https].forEach((agent) => void agent.destroy()),
  };
}

const idleOf = ({ freeSockets }: HttpAgent): Socket[] => Object.values(freeSockets).flatMap((sockets) => sockets ?? []);

/** One time limit while a connection is made, another while it lies idle. */
class TunnelAgent extends HttpsAgent {
  /** https://nodejs.org/docs/latest-v24.x/api/http.html#agentkeepsocketalivesocket */
  override keepSocketAlive(socket: Duplex & Partial<Pick<Socket, "setTimeout">>): boolean {
    const isKept: unknown = super.keepSocketAlive(socket);
    if (isKept === true) socket.setTimeout?.(IDLE_MS);
    return isKept === true;
  }
}
