import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { foundAt, generousReading } from "./generous-reading.ts";
import { CANARY, HOST_ROLE, UPSTREAM_TOKEN } from "./host-documents.ts";

/** One way in which the upstream was asked: its head as it came, byte for byte, and what came after it. */
export interface AskedUpstream {
  readonly requestLine: string;
  readonly fields: readonly string[];
  readonly after: string;
}

const VERSIONS = `1.0\n2007-01-19\n2024-04-11\nlatest\n${CANARY}-version`;
const ROLE = "meta-data/iam/security-credentials";

/**
 * A metadata service that gives whatever it is asked for, in any spelling, with a token or without, and keeps the
 * bytes of each request. Its guarded documents are canaries, but for the host's credentials: with those taskrole signs.
 */
export class GenerousUpstream {
  /** By their bytes: what came twice is one. */
  readonly asked = new Map<string, AskedUpstream>();
  requests = 0;
  readonly #hostCredentials: () => Promise<string>;
  readonly #server: Server;

  constructor(hostCredentials: () => Promise<string>) {
    this.#hostCredentials = hostCredentials;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
  }

  async listen(): Promise<this> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** @returns undefined where there is nothing */
  async documentAt(method: string, target: string): Promise<string | undefined> {
    const path = generousReading(target);
    if (path === "api/token") return method === "PUT" ? UPSTREAM_TOKEN : `${CANARY} at ${path}`;
    if (path === "" && target === "/") return VERSIONS;
    const found = foundAt(path);
    if (found.kind === "absent") return undefined;
    if (found.kind !== "guarded") return found.text;
    if (path === ROLE) return HOST_ROLE;
    return path === `${ROLE}/${HOST_ROLE.toLowerCase()}` ? this.#hostCredentials() : `${CANARY} at ${path}`;
  }

  #serve(socket: Socket): void {
    let received = "";
    let isAnswered = false;
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => {
      received += bytes.toString("latin1");
      if (isAnswered || !received.includes("\r\n\r\n")) return;
      isAnswered = true;
      this.#answer(socket, received).catch((error: unknown) => socket.destroy(error as Error));
    });
    socket.on("end", () => {
      if (!isAnswered) socket.destroy();
    });
    socket.on("close", () => this.#keep(received));
  }

  #keep(received: string): void {
    this.requests += 1;
    if (this.asked.has(received)) return;
    const [head = "", ...after] = received.split("\r\n\r\n");
    const [requestLine = "", ...fields] = head.split("\r\n");
    this.asked.set(received, { requestLine, fields, after: after.join("\r\n\r\n") });
  }

  async #answer(socket: Socket, received: string): Promise<void> {
    const [, method = "", target = ""] = /^(\S*) (.*) HTTP\/1\.[01]\r\n/.exec(received) ?? [];
    const body = await this.documentAt(method, target);
    const status = body === undefined ? "404 Not Found" : "200 OK";
    const bytes = Buffer.from(body ?? `${CANARY} is not there`);
    socket.end(
      `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nX-${CANARY}: ${CANARY}\r\n` +
        `Content-Length: ${bytes.length}\r\nConnection: close\r\n\r\n${bytes.toString("latin1")}`,
      "latin1",
    );
  }
}
