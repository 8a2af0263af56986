import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { EpochMs } from "../core/credentials.ts";
import { sleep } from "../kit/sleep.ts";
import type { AccessEvent, ConnectionLimits, ConnectionServices } from "./connection-services.ts";
import { ConnectionTable } from "./connection-table.ts";
import { roomForConnections } from "./descriptor-limit.ts";
import { HttpConnection } from "./http-connection.ts";
import { HttpDate } from "./http-date.ts";
import type { HttpHandler } from "./http-message.ts";
import { isLoopback, normalisePeerAddress } from "./peer-address.ts";
import { SweepClock } from "./sweep-clock.ts";

export interface HttpServerLimits extends ConnectionLimits {
  /** One more, and the peer's idlest closes. */
  readonly connectionsPerPeer: number;
  /** One more, and whoever has the most loses its idlest. */
  readonly connectionsInAll: number;
  /** How often deadlines are looked at. */
  readonly sweepEveryMs: number;
}

export const DEFAULT_LIMITS: Omit<HttpServerLimits, "connectionsInAll"> = {
  requestMs: 5_000,
  answerMs: 30_000,
  writeMs: 10_000,
  // Longer than any SDK's pool keeps a connection (Go: 90 s), so that the client closes first: one that sends just as
  // the server closes gets an error, and botocore and the SDK for JavaScript do not ask again.
  idleMs: 120_000,
  lingerMs: 2_000,
  connectionsPerPeer: 64,
  sweepEveryMs: 500,
};

export interface HttpServerOptions {
  /** May reject; the client then gets a 500 that says nothing. */
  readonly handle: HttpHandler;
  readonly now: () => EpochMs;
  readonly onAccess?: (event: AccessEvent) => void;
  /** Whatever escaped from `handle` or `mayBeSent`, and errors of the listening socket. */
  readonly onError?: (error: unknown) => void;
  readonly limits?: Partial<HttpServerLimits>;
}

/** `fd` is a socket that already listens, e.g. 3 from systemd. */
export type ListenTarget = { readonly host?: string; readonly port: number } | { readonly fd: number };

/**
 * So many may have connected and not be accepted yet, as far as net.core.somaxconn allows: a host's containers may all ask
 * at the same moment. Bun does not listen to it (kernel/listen-queue.ts).
 */
export const LISTEN_QUEUE = 4_096;

/** IPv4 peers too, as `::ffff:a.b.c.d`. */
const EVERY_ADDRESS = "::";
const EVERY_IPV4_ADDRESS = "0.0.0.0";

/** Between two looks at whether all is answered. */
const LOOK_AGAIN_MS = 10;

/** Strict HTTP/1 over TCP: one read, one request, one write. */
export class HttpServer {
  readonly #server: Server;
  readonly #connections = new ConnectionTable();
  readonly #services: ConnectionServices<HttpConnection>;
  readonly #limits: HttpServerLimits;
  #sweeper: NodeJS.Timeout | undefined;
  #isEnding = false;

  constructor({ handle, now, onAccess = () => {}, onError = () => {}, limits }: HttpServerOptions) {
    this.#limits = { ...DEFAULT_LIMITS, connectionsInAll: roomForConnections(), ...limits };
    this.#services = {
      handle,
      now,
      onAccess,
      onError,
      date: new HttpDate(now),
      clock: new SweepClock(this.#limits.sweepEveryMs),
      limits: this.#limits,
      onGone: (connection) => this.#connections.remove(connection),
    };
    // Half-open, since a client may end its side after the request and still wait for the answer.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  /** The default host is every address; on a machine without IPv6, every IPv4 address. */
  async listen(target: ListenTarget): Promise<void> {
    if ("fd" in target) return this.#listen({ fd: target.fd });
    const { host = EVERY_ADDRESS, port } = target;
    try {
      await this.#listen({ host, port });
    } catch (error) {
      if (host !== EVERY_ADDRESS || isAboutThePort(error)) throw error;
      await this.#listen({ host: EVERY_IPV4_ADDRESS, port });
    }
  }

  async #listen(target: { host: string; port: number } | { fd: number }): Promise<void> {
    this.#server.listen(target, LISTEN_QUEUE); // as an option Node does not see it beside a descriptor
    await once(this.#server, "listening");
    this.#server.on("error", this.#services.onError);
    this.#sweeper = setInterval(() => this.#sweep(), this.#limits.sweepEveryMs).unref();
  }

  /** undefined unless it listens. */
  address(): { readonly host: string; readonly port: number } | undefined {
    const bound = this.#server.address();
    return bound === null || typeof bound === "string" ? undefined : { host: bound.address, port: bound.port };
  }

  connectionCount(): number {
    return this.#connections.size;
  }

  /** Resets every connection of that address ({@link normalisePeerAddress}'s spelling), whatever it is at; says how many. */
  resetPeer(address: string): number {
    const connections = this.#connections.ofPeer(address);
    for (const connection of connections) connection.reset();
    return connections.length;
  }

  /**
   * From now on each answer says that it is its connection's last, while new connections are still accepted: a client that
   * keeps one alive learns of the end in time, instead of asking just as it is closed.
   *
   * Resolves when what was under way has been answered, or after `answersMs`, and the connections that were open are
   * closed, or after `keptAliveMs`.
   */
  async windDown({
    answersMs,
    keptAliveMs,
  }: {
    readonly answersMs: number;
    readonly keptAliveMs: number;
  }): Promise<void> {
    this.#isEnding = true;
    const open = [...this.#connections];
    const busy = open.filter(({ isBusy }) => isBusy);
    for (const connection of open) connection.closeAfterNext();
    await Promise.all([
      this.#atMost(answersMs, () => !busy.some(({ isBusy }) => isBusy)),
      this.#atMost(keptAliveMs, () => open.every(({ isGone }) => isGone)),
    ]);
  }

  /**
   * Accepts no more, lets what is under way be answered, and after `graceMs` destroys the rest. Who waits to be accepted
   * by a socket that others hold too, as systemd does, is theirs: closing our descriptor of it is all that is done to it.
   */
  async close({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#isEnding = true;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const connection of this.#connections) connection.finish();
    await this.#atMost(graceMs, () => ![...this.#connections].some(({ isUnderWay }) => isUnderWay));
    clearInterval(this.#sweeper);
    this.#destroyAll();
    await closed;
  }

  /** Looks every few moments whether it holds; resolves then, or when the time is over. */
  async #atMost(ms: number, holds: () => boolean): Promise<void> {
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
    }, ms);
    while (!isOver && !holds()) await sleep(LOOK_AGAIN_MS);
    clearTimeout(timer);
  }

  #destroyAll(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  #accept(socket: Socket): void {
    // A client that resets concerns nobody; "close" follows.
    socket.on("error", () => {});
    const address = normalisePeerAddress(socket.remoteAddress);
    const port = socket.remotePort;
    if (address === undefined || port === undefined) {
      socket.destroy();
      return;
    }
    this.#makeRoomFor(address);
    const peer = { address, port, isOnThisHost: isLoopback(normalisePeerAddress(socket.localAddress)) };
    const connection = new HttpConnection(socket, peer, this.#services);
    this.#connections.add(connection);
    if (this.#isEnding) connection.closeAfterNext();
  }

  #makeRoomFor(address: string): void {
    const { connectionsPerPeer, connectionsInAll } = this.#limits;
    if (this.#connections.countOfPeer(address) >= connectionsPerPeer)
      this.#connections.idlestOfPeer(address)?.destroy();
    else if (this.#connections.size >= connectionsInAll) this.#connections.idlestOfLargestPeers()?.destroy();
  }

  #sweep(): void {
    this.#services.clock.advance();
    for (const connection of this.#connections) connection.checkDeadline();
  }
}

/** Otherwise it is for want of IPv6. (Node then says EAFNOSUPPORT or EADDRNOTAVAIL; Bun's error has no code.) */
function isAboutThePort(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "EADDRINUSE" || code === "EACCES" || code === "EPERM";
}
