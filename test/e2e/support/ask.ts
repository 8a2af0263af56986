import { connect, type Socket } from "node:net";
import { type HttpAnswer, parseAnswer } from "./http-text.ts";

/** How a connection from a container ended, or that it had not ended after the time allowed. */
export type Outcome = "end" | "timeout" | `E${string}`;

/** All a container heard on one connection. */
export interface Heard {
  readonly bytes: Buffer;
  readonly outcome: Outcome;
}

export interface Destination {
  readonly address: string;
  readonly port: number;
}

/** Listens in on everything any container hears, e.g. for what no container may ever hear. */
export type Overhearing = (bytes: Buffer) => void;

/** One TCP connection from inside a container, made by the container's ask program (images/ask.c). */
export class Connection {
  /** All that came so far. */
  bytes: Buffer = Buffer.alloc(0);
  readonly #control: Socket;
  readonly #overhear: Overhearing;
  #unread: Buffer = Buffer.alloc(0);
  #outcome: Outcome | undefined;
  #isOpen = false;
  #changed: () => void = () => {};

  constructor(askSocket: string, { address, port }: Destination, overhear: Overhearing) {
    this.#overhear = overhear;
    this.#control = connect(askSocket);
    this.#control.on("error", () => this.#finish("EASK")).on("close", () => this.#finish("EASK"));
    this.#control.on("data", (chunk) => this.#read(chunk));
    this.#control.write(`${address} ${port}\n`);
  }

  send(bytes: string | Buffer): void {
    this.#control.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  close(): void {
    this.#control.destroy();
  }

  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** @returns false when it did not come to be open in time */
  async opened(timeoutMs = 5_000): Promise<boolean> {
    await this.#until(() => this.#isOpen || this.#outcome !== undefined, timeoutMs);
    return this.#isOpen;
  }

  /** Waits for `length` bytes in all, or the end. */
  async heardAtLeast(length: number, timeoutMs = 5_000): Promise<Heard> {
    await this.#until(() => this.bytes.length >= length || this.#outcome !== undefined, timeoutMs);
    return { bytes: this.bytes, outcome: this.#outcome ?? "timeout" };
  }

  /** Waits for a whole HTTP answer that begins at byte `from`. @returns undefined when none came */
  async answer(timeoutMs = 5_000, from = 0): Promise<HttpAnswer | undefined> {
    const parsed = () => parseAnswer(this.bytes.subarray(from), this.#outcome === "end");
    await this.#until(() => parsed() !== undefined || this.#outcome !== undefined, timeoutMs);
    return parsed();
  }

  /** Waits for the other side to end it. */
  async ended(timeoutMs = 5_000): Promise<Heard> {
    await this.#until(() => this.#outcome !== undefined, timeoutMs);
    return { bytes: this.bytes, outcome: this.#outcome ?? "timeout" };
  }

  #until(isDone: () => boolean, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(finish, timeoutMs);
      this.#changed = () => isDone() && finish();
      this.#changed();
    });
  }

  #read(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    while (this.#readOne());
    this.#changed();
  }

  /** @returns false when what is unread is not a whole message of ask's */
  #readOne(): boolean {
    const lineEnd = this.#unread.indexOf("\n");
    if (lineEnd === -1) return false;
    const [word = "", value = ""] = this.#unread.toString("latin1", 0, lineEnd).split(" ");
    const messageEnd = lineEnd + 1 + (word === "data" ? Number(value) : 0);
    if (this.#unread.length < messageEnd) return false;
    const data = this.#unread.subarray(lineEnd + 1, messageEnd);
    this.#unread = this.#unread.subarray(messageEnd);
    this.#take(word, value, data);
    return true;
  }

  #take(word: string, value: string, data: Buffer): void {
    if (word === "open") this.#isOpen = true;
    if (word === "end") this.#finish("end");
    if (word === "error") this.#finish(value as Outcome);
    if (word !== "data") return;
    this.bytes = Buffer.concat([this.bytes, data]);
    this.#overhear(data);
  }

  #finish(outcome: Outcome): void {
    this.#outcome ??= outcome;
    this.#changed();
  }
}
