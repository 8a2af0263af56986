import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer, type Server as NetServer, type Socket } from "node:net";

/** Goes out as JSON. Nothing secret may be in it: whoever is in the socket's group reads it. */
export interface AdminAnswer {
  readonly status: number;
  readonly body: object;
}

export interface AdminRoute {
  readonly method: "GET" | "POST";
  /** Exact, e.g. "/v1/reload". */
  readonly path: string;
  readonly answer: () => AdminAnswer | Promise<AdminAnswer>;
}

export interface AdminServerOptions {
  readonly routes: readonly AdminRoute[];
  /** Whatever escaped from a route. */
  readonly onError: (error: unknown) => void;
}

/** `fd` is a unix socket that already listens. */
export type AdminTarget = { readonly path: string } | { readonly fd: number };

const MAX_CONNECTIONS = 64;
/** The owner and the group. */
const OTHERS_NOTHING = 0o117;
const LAST_ANSWERS_MS = 500;

/** The operator's surface: HTTP with JSON over a unix socket. Whoever may write to the socket may ask. */
export class AdminServer {
  readonly #options: AdminServerOptions;
  /** node:http on Bun does not listen on a given descriptor (it takes any port instead); node:net does, on both. */
  readonly #sockets: NetServer;
  readonly #http: Server;
  readonly #open = new Set<Socket>();

  constructor(options: AdminServerOptions) {
    this.#options = options;
    this.#http = createHttpServer((request, response) => void this.#answer(request, response));
    this.#sockets = createServer((socket) => this.#accept(socket));
    this.#sockets.maxConnections = MAX_CONNECTIONS;
  }

  /** A path must be free; the file is the owner's and the group's alone from its first moment. */
  async listen(target: AdminTarget): Promise<void> {
    const usual = process.umask(OTHERS_NOTHING);
    try {
      this.#sockets.listen(target);
    } finally {
      process.umask(usual);
    }
    await once(this.#sockets, "listening");
  }

  /** Takes the file away, unless the socket was given. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#sockets.close(resolve));
    const impatience = setTimeout(() => {
      for (const socket of this.#open) socket.destroy();
    }, LAST_ANSWERS_MS);
    await closed;
    clearTimeout(impatience);
  }

  #accept(socket: Socket): void {
    this.#open.add(socket);
    socket.on("close", () => this.#open.delete(socket));
    socket.on("error", () => {}); // a client that is gone concerns nobody; "close" follows
    this.#http.emit("connection", socket); // https://nodejs.org/api/http.html#event-connection
  }

  /** Never rejects. */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume(); // no route takes a body
    const { status, body, allow } = await this.#route(request).catch((error: unknown) => {
      this.#options.onError(error);
      return { status: 500, body: { error: "a bug of taskrole; its log says more" }, allow: undefined };
    });
    response.writeHead(status, {
      "Content-Type": "application/json",
      Connection: "close",
      ...(allow && { Allow: allow }),
    });
    response.end(`${JSON.stringify(body)}\n`);
  }

  async #route({ method, url = "" }: IncomingMessage): Promise<AdminAnswer & { readonly allow?: string }> {
    const [path] = url.split("?");
    const here = this.#options.routes.filter((route) => route.path === path);
    const route = here.find((one) => one.method === method);
    if (route) return route.answer();
    if (here.length === 0) return { status: 404, body: { error: "there is no such path" } };
    const allow = here.map((one) => one.method).join(", ");
    return { status: 405, body: { error: `the path takes ${allow}` }, allow };
  }
}
