import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface Wire {
  close(): Promise<void>;
}

export interface WireEnds {
  /** The workload's own address, and where it finds its metadata service. */
  readonly address: string;
  readonly port: number;
  /** Where the daemon listens. */
  readonly daemon: { readonly host: string; readonly port: number };
}

/**
 * Stands in for the packet rules, which need root: what a workload sends to
 * the metadata service reaches the daemon with the workload's address as its source.
 */
export async function layWire({ address, port, daemon }: WireEnds): Promise<Wire> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ ...daemon, localAddress: address, allowHalfOpen: true });
    for (const [end, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(end);
      end.on("error", () => other.destroy());
      end.on("close", () => open.delete(end));
      end.pipe(other);
    }
  });
  server.listen({ host: address, port });
  await once(server, "listening");
  return {
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
