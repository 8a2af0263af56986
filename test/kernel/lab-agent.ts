import { createSocket } from "node:dgram";
import { createServer, isIPv6, connect as open, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";

/**
 * A program that lives in one network namespace of the lab and does there what it is told: one JSON request a line
 * on standard input, one JSON answer a line on standard output. The namespace lives as long as the program.
 */
export interface Ask {
  readonly do: "ask";
  readonly host: string;
  readonly port: number;
  readonly from?: string;
  readonly fromPort?: number;
  /** How long it waits for an answer; by default long enough for any that comes at all. */
  readonly withinMs?: number;
}
export interface Serve {
  readonly do: "serve";
  readonly name: string;
  readonly port: number;
  /** How long it keeps its answer back. */
  readonly afterMs?: number;
}
export interface Stop {
  readonly do: "stop";
  readonly port: number;
}
/** Sends a datagram. */
export interface Send {
  readonly do: "send";
  readonly host: string;
  readonly port: number;
}
export type Order = Ask | Serve | Stop | Send;

/** What a server says to whoever connects, or the code of the error, e.g. "ECONNREFUSED". */
export type Answer = { readonly said: string } | { readonly failed: string };

const ASK_TIMEOUT_MS = 1_500;
const servers = new Map<number, Server>();

function carryOut(order: Order): Promise<Answer> {
  if (order.do === "ask") return ask(order);
  if (order.do === "serve") return serve(order);
  return order.do === "stop" ? stop(order) : send(order);
}

/** "sent" also where nobody hears it. */
function send({ host, port }: Send): Promise<Answer> {
  const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
  return new Promise((resolve) => {
    socket.send("?", port, host, (error) => {
      socket.close();
      resolve(error ? { failed: (error as NodeJS.ErrnoException).code ?? error.message } : { said: "sent" });
    });
  });
}

function ask({ host, port, from, fromPort, withinMs = ASK_TIMEOUT_MS }: Ask): Promise<Answer> {
  return new Promise((resolve) => {
    let said = "";
    const family = isIPv6(host) ? 6 : 4;
    const local = { ...(from !== undefined && { localAddress: from }), ...(fromPort && { localPort: fromPort }) };
    const socket = open({ host, port, family, ...local });
    socket.setTimeout(withinMs, () => settle({ failed: "TIMEOUT" }));
    socket.on("data", (chunk) => {
      said += chunk;
    });
    socket.on("error", (error: NodeJS.ErrnoException) => settle({ failed: error.code ?? error.message }));
    socket.on("end", () => settle({ said }));
    const settle = (answer: Answer): void => {
      socket.destroy();
      resolve(answer);
    };
  });
}

function serve({ name, port, afterMs = 0 }: Serve): Promise<Answer> {
  const server = createServer((socket: Socket) => {
    socket.on("error", () => undefined);
    const answer = `${name} ${socket.remoteAddress?.replace(/^::ffff:/, "")}`;
    setTimeout(() => socket.end(answer), afterMs);
  });
  servers.set(port, server);
  return new Promise((resolve) => {
    server.once("error", (error) => resolve({ failed: error.message }));
    server.listen({ host: "::", port }, () => resolve({ said: "listening" }));
  });
}

function stop({ port }: Stop): Promise<Answer> {
  return new Promise((resolve) => {
    servers.get(port)?.close(() => resolve({ said: "stopped" }));
    servers.delete(port);
  });
}

createInterface({ input: process.stdin })
  .on("line", async (line) => {
    process.stdout.write(`${JSON.stringify(await carryOut(JSON.parse(line)))}\n`);
  })
  .on("close", () => process.exit(0));
process.stdout.write("ready\n");
