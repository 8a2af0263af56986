/** The other end of a connection, as the kernel tells it. */
export interface Peer {
  /** IPv4 dotted ("::ffff:" removed) or IPv6 in its canonical form without zone. */
  readonly address: string;
  readonly port: number;
  /** True when the connection came to a loopback address: it never left this host, and `address` may be many processes'. */
  readonly isOnThisHost: boolean;
}
