import type { HttpConnection } from "./http-connection.ts";

/** Every open connection, by peer address. */
export class ConnectionTable implements Iterable<HttpConnection> {
  readonly #byPeer = new Map<string, Set<HttpConnection>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(connection: HttpConnection): void {
    const { peerAddress } = connection;
    const peers = this.#byPeer.get(peerAddress);
    if (peers === undefined) this.#byPeer.set(peerAddress, new Set([connection]));
    else peers.add(connection);
    this.#size += 1;
  }

  remove(connection: HttpConnection): void {
    const peers = this.#byPeer.get(connection.peerAddress);
    if (peers?.delete(connection) !== true) return;
    this.#size -= 1;
    if (peers.size === 0) this.#byPeer.delete(connection.peerAddress);
  }

  /** A copy, in the order they were accepted: what is done to one may remove it. */
  ofPeer(peerAddress: string): readonly HttpConnection[] {
    return [...(this.#byPeer.get(peerAddress) ?? [])];
  }

  countOfPeer(peerAddress: string): number {
    return this.#byPeer.get(peerAddress)?.size ?? 0;
  }

  idlestOfPeer(peerAddress: string): HttpConnection | undefined {
    return idlestOf(this.ofPeer(peerAddress));
  }

  /** Of the peers that have the most: whoever took the room gives it back. Looks at every peer. */
  idlestOfLargestPeers(): HttpConnection | undefined {
    const most = Math.max(0, ...[...this.#byPeer.values()].map(({ size }) => size));
    return idlestOf([...this.#byPeer.values()].filter(({ size }) => size === most).flatMap((peers) => [...peers]));
  }

  /** Connections may go while this is under way. */
  *[Symbol.iterator](): Iterator<HttpConnection> {
    for (const peers of this.#byPeer.values()) yield* peers;
  }
}

/** The longest unused that answers nothing; when all are answering, the one that has been at it longest. */
function idlestOf(all: readonly HttpConnection[]): HttpConnection | undefined {
  const free = all.filter(({ isBusy }) => !isBusy);
  return (free.length > 0 ? free : all).reduce<HttpConnection | undefined>(
    (idlest, connection) => (idlest === undefined || connection.lastUsed < idlest.lastUsed ? connection : idlest),
    undefined,
  );
}
