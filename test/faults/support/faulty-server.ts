import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { MockAnswer, MockRequest } from "../../../src/mock-ec2/http-exchange.ts";
import { type Manner, readRequest, writeHead } from "../../../src/mock-ec2/http-server.ts";

/**
 * What becomes of every connection, whatever is asked. "refused": nobody listens; "silent": connections are taken, and
 * nothing ever comes; "reset": a RST in place of the answer's head; "cut": a RST in the middle of the body; "stalled":
 * half of the body, and then nothing.
 */
export type WireFault = "refused" | "silent" | "reset" | "cut" | "stalled";

/** What a test makes a service do; an empty one is a service in good health. */
export interface ServiceFault {
  readonly wire?: WireFault;
  /** Before anything of the answer is sent. */
  readonly latencyMs?: number;
  /** What is sent in place of the honest answer. */
  readonly instead?: (honest: MockAnswer, request: MockRequest) => MockAnswer;
}

export interface FaultyServerOptions {
  readonly manner: Manner & { readonly maxBodyBytes: number };
  /** The honest answer. */
  readonly answer: (request: MockRequest) => MockAnswer;
  /** Each answer as it was decided to be sent, faults included, whether or not the wire lets it through. */
  readonly onAnswer: (request: MockRequest, answer: MockAnswer) => void;
}

const HEALTHY: ServiceFault = {};

/**
 * An address of this process's own: while a port of it refuses, nobody else takes the port, neither as a listener nor
 * for a connection of his own.
 */
const HOST = `127.99.${(process.pid >> 8) & 255}.${process.pid & 255}`;

/** A service over real sockets that fails on command. */
export class FaultyServer {
  readonly #options: FaultyServerOptions;
  #server: Server | undefined;
  #port = 0;
  #fault = HEALTHY;

  constructor(options: FaultyServerOptions) {
    this.#options = options;
  }

  get url(): string {
    return `http://${HOST}:${this.#port}`;
  }

  async listen(): Promise<this> {
    const server = createServer({ requireHostHeader: false });
    server.on("request", (incoming, outgoing) => {
      // The peer went away in the middle of its body: there is nobody to answer.
      this.#exchange(incoming, outgoing).catch(() => outgoing.destroy());
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: HOST, port: this.#port, exclusive: true }, resolve);
    });
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    return this;
  }

  /** Connections that are kept alive see it too. */
  async begin(fault: ServiceFault): Promise<void> {
    const wasRefused = this.#fault.wire === "refused";
    this.#fault = fault;
    if (fault.wire === "refused") await this.close();
    else if (wasRefused) await this.listen();
  }

  /** What hung goes on hanging, as behind a firewall that has forgotten the connection. */
  end(): Promise<void> {
    return this.begin(HEALTHY);
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  async #exchange(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { manner, answer, onAnswer } = this.#options;
    const request = await readRequest(incoming, manner.maxBodyBytes);
    const { wire, latencyMs, instead } = this.#fault;
    const honest = answer(request);
    const given = instead ? instead(honest, request) : honest;
    onAnswer(request, given);
    if (latencyMs !== undefined) await sleep(latencyMs);
    if (wire === "reset") incoming.socket.resetAndDestroy();
    if (wire === "silent" || wire === "reset") return;
    await this.#write(outgoing, given, wire);
  }

  async #write(outgoing: ServerResponse, answer: MockAnswer, wire: WireFault | undefined): Promise<void> {
    writeHead(outgoing, answer, this.#options.manner);
    if (wire !== "cut" && wire !== "stalled") return void outgoing.end(answer.body);
    const half = answer.body.slice(0, answer.body.length >> 1);
    await new Promise((resolve) => outgoing.write(half, resolve));
    if (wire === "stalled") return;
    // Some time for what was written to be read: a RST that overtakes it is another fault.
    await sleep(20);
    outgoing.socket?.resetAndDestroy();
  }
}
