import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";

/** What happens to what the engine tells of: it comes at once, late, when it is let go again, or not at all. */
export type EventMode = "pass" | "delay" | "hold" | "cut";

const DELAY_MS = 400;
const EVENTS_REQUEST = /^GET \/(?:v[\d.]+\/)?events/m;

/** Between the daemon and dockerd's socket: everything passes, but the events as a test wants. */
export class EventProxy {
  readonly socket: string;
  readonly #dockerd: string;
  readonly #server: Server;
  readonly #streams = new Set<Socket>();
  #held: (() => void)[] = [];
  #mode: EventMode = "pass";

  constructor(folder: string, dockerd: string) {
    this.socket = join(folder, "events-proxy.sock");
    this.#dockerd = dockerd;
    this.#server = createServer((daemon) => this.#join(daemon));
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(this.socket, resolve));
    return this;
  }

  /** What was held is let go in its order as soon as it may pass. */
  set mode(mode: EventMode) {
    this.#mode = mode;
    if (mode === "cut") for (const stream of this.#streams) stream.destroy();
    if (mode !== "hold") for (const release of this.#held.splice(0)) release();
  }

  close(): void {
    this.mode = "cut";
    this.#server.close();
  }

  #join(daemon: Socket): void {
    const dockerd = connect(this.#dockerd);
    let isStream = false;
    daemon.on("data", (bytes) => {
      isStream ||= EVENTS_REQUEST.test(bytes.toString("latin1"));
      if (isStream) this.#streams.add(daemon);
      if (isStream && this.#mode === "cut") daemon.destroy();
      else dockerd.write(bytes);
    });
    dockerd.on("data", (bytes) => (isStream ? this.#tell(daemon, bytes) : daemon.write(bytes)));
    for (const [one, other] of [
      [daemon, dockerd],
      [dockerd, daemon],
    ] as const) {
      one.on("error", () => other.destroy()).on("close", () => other.destroy());
    }
    daemon.on("close", () => this.#streams.delete(daemon));
  }

  #tell(daemon: Socket, bytes: Buffer): void {
    const write = () => void (daemon.destroyed || daemon.write(bytes));
    if (this.#mode === "hold") this.#held.push(write);
    else if (this.#mode === "delay") setTimeout(write, DELAY_MS);
    else write();
  }
}
