import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * What happens to what the engine tells of: it comes at once, a little late, later than the daemon puts up with, when
 * it is let go again, not at all, or up to the first event of a container's end and then not at all.
 */
export type EventMode = "pass" | "delay" | "late" | "hold" | "cut" | "cut-between";

/** The daemon trusts no more what comes later than two seconds: LATE_EVENT_MS in src/docker/docker-workloads.ts. */
const DELAYS_MS: Readonly<Partial<Record<EventMode, number>>> = { delay: 400, late: 2_500 };
/** A container's end is two events, in an order that depends on the engine. */
const FIRST_OF_AN_END = /"Action":"(?:die|disconnect)".*\n/;
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

  /** Somebody is told of what happens from now on. */
  get isFollowed(): boolean {
    return this.#streams.size > 0;
  }

  get mode(): EventMode {
    return this.#mode;
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
    let told = Promise.resolve();
    daemon.on("data", (bytes) => {
      isStream ||= EVENTS_REQUEST.test(bytes.toString("latin1"));
      if (isStream) this.#streams.add(daemon);
      if (isStream && this.#mode === "cut") daemon.destroy();
      else dockerd.write(bytes);
    });
    dockerd.on("data", (bytes) => {
      if (isStream) told = this.#tell(daemon, bytes, told);
      else daemon.write(bytes);
    });
    for (const [one, other] of [
      [daemon, dockerd],
      [dockerd, daemon],
    ] as const) {
      one.on("error", () => other.destroy()).on("close", () => other.destroy());
    }
    daemon.on("close", () => this.#streams.delete(daemon));
  }

  /** In the order in which it came, however long each has to wait. */
  async #tell(daemon: Socket, bytes: Buffer, former: Promise<void>): Promise<void> {
    await Promise.all([former, this.#isLetGo()]);
    const end = FIRST_OF_AN_END.exec(bytes.toString("latin1"));
    const isLast = this.#mode === "cut-between" && end !== null;
    if (!daemon.destroyed) daemon.write(isLast ? bytes.subarray(0, end.index + end[0].length) : bytes);
    if (isLast) this.mode = "cut";
  }

  #isLetGo(): Promise<void> {
    if (this.#mode === "hold") return new Promise((letGo) => this.#held.push(letGo));
    return sleep(DELAYS_MS[this.#mode] ?? 0);
  }
}
