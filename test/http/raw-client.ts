import { connect, type Socket } from "node:net";

export interface RawResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly fields: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Sends bytes as given and keeps what comes back: what a test of the wire needs, and no client library allows. */
export class RawClient {
  readonly socket: Socket;
  /** "end" (FIN), or the error's code; "close" when this side closed it. */
  readonly ending: Promise<string>;
  #received = "";
  #onReceived: () => void = () => {};

  constructor(port: number, localAddress = "127.0.0.1") {
    this.socket = connect({ port, host: "127.0.0.1", localAddress, allowHalfOpen: true });
    this.socket.on("data", (bytes) => {
      this.#received += bytes.toString("latin1");
      this.#onReceived();
    });
    this.ending = new Promise((resolve) => {
      this.socket.on("end", () => resolve("end"));
      this.socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      this.socket.on("close", () => resolve("close"));
    });
    void this.ending.then(() => this.#onReceived());
  }

  static async connected(port: number, localAddress?: string): Promise<RawClient> {
    const client = new RawClient(port, localAddress);
    await new Promise((resolve) => client.socket.once("connect", resolve));
    return client;
  }

  /** All that has come and was not taken by `response`. */
  get received(): string {
    return this.#received;
  }

  send(text: string): this {
    this.socket.write(text, "latin1");
    return this;
  }

  close(): void {
    this.socket.destroy();
  }

  /** Takes the next response. Rejects when the connection ends before it does. */
  async response({ toHead = false } = {}): Promise<RawResponse> {
    let ending: string | undefined;
    void this.ending.then((how) => {
      ending = how;
    });
    for (;;) {
      const response = this.#take(toHead);
      if (response !== undefined) return response;
      if (ending !== undefined) throw new Error(`${ending} after ${JSON.stringify(this.#received)}`);
      await new Promise<void>((resolve) => {
        this.#onReceived = resolve;
      });
    }
  }

  #take(toHead: boolean): RawResponse | undefined {
    const headEnd = this.#received.indexOf("\r\n\r\n");
    if (headEnd === -1) return undefined;
    const [statusLine = "", ...lines] = this.#received.slice(0, headEnd).split("\r\n");
    const fields = new Map(lines.map((line) => [line.split(": ")[0]?.toLowerCase() ?? "", line.replace(/^.*?: /, "")]));
    const end = headEnd + 4 + (toHead ? 0 : Number(fields.get("content-length") ?? 0));
    if (this.#received.length < end) return undefined;
    const body = this.#received.slice(headEnd + 4, end);
    this.#received = this.#received.slice(end);
    return { status: Number(statusLine.split(" ")[1]), fields, body };
  }
}
