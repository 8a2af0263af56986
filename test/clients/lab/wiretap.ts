import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { eventually } from "../../e2e/support/programs.ts";
import { CaptureReader, type Segment } from "./packet.ts";

/** What one client asked on one connection, and what became of it. */
export interface Exchange {
  /** The service's address, as the client knows it. */
  readonly service: string;
  /** What was sent, head first; "" while only the connection was asked for. */
  request: string;
  /** When the client had last said something before it was answered. */
  askedAt: number;
  /** "HTTP/1.1 200 OK" and so on. */
  answer?: string;
  /** How the waiting ended; undefined while it lasts. */
  end?: { readonly by: "answer" | "close" | "client"; readonly atMs: number };
}

/** Listens to the wire of a container: a witness that is neither the client nor the daemon. */
export class Wiretap {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #clients: readonly string[];
  readonly #reader = new CaptureReader();
  #exchanges: Exchange[] = [];
  /** By the client's address and port. */
  readonly #open = new Map<string, Exchange>();
  /** Those that neither side has ended: by the client's address and port, what passed on each. */
  readonly #connections = new Map<string, string[]>();
  #said = "";
  #error: Error | undefined;

  private constructor(command: readonly string[], clients: readonly string[]) {
    this.#clients = clients;
    this.#child = spawn("setpriv", ["--pdeathsig", "KILL", ...command], { stdio: ["ignore", "pipe", "pipe"] });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#said += text));
    this.#child.on("exit", () => (this.#error ??= new Error(`tcpdump ended: ${this.#said}`)));
    this.#child.stdout.on("data", (chunk: Buffer) => {
      try {
        for (const segment of this.#reader.read(chunk)) this.#hear(segment);
      } catch (error) {
        this.#error = error instanceof Error ? error : new Error(String(error));
      }
    });
  }

  static async open(command: readonly string[], clients: readonly string[]): Promise<Wiretap> {
    const tap = new Wiretap(command, clients);
    await eventually(async () => {
      if (!tap.#said.includes("listening on")) throw new Error(`${command.join(" ")}: ${tap.#said}`);
    });
    return tap;
  }

  /** Everything from now on is a new story. */
  clear(): void {
    this.#exchanges = [];
    this.#open.clear();
  }

  /** @throws what could not be read */
  get exchanges(): readonly Exchange[] {
    if (this.#error) throw this.#error;
    return this.#exchanges;
  }

  /** Until the daemon has cut off whoever is gone. */
  async allConnectionsEnded(): Promise<void> {
    await eventually(async () => {
      const trails = [...this.#connections].map(([client, trail]) => `${client}: ${trail.join(" ")}`);
      if (trails.length > 0) throw new Error(`still open:\n${trails.join("\n")}`);
    });
  }

  /** @throws when a packet passed unheard: then it proves nothing */
  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill("SIGTERM");
      await once(this.#child, "close");
    }
    if (!/^0 packets dropped by kernel/m.test(this.#said)) throw new Error(`the wiretap missed packets: ${this.#said}`);
  }

  #hear(segment: Segment): void {
    if (this.#clients.includes(segment.fromAddress)) this.#hearClient(segment);
    else this.#hearService(segment);
  }

  #hearClient({ from, toAddress: service, atMs, isSyn, isEnd, payload }: Segment): void {
    const waiting = this.#open.get(from);
    this.#connections.get(from)?.push(`>${payload.length}`);
    if (isEnd) this.#connections.delete(from);
    // Another SYN of the same port is the first one again: nobody has answered.
    if (isSyn && waiting?.request !== "") this.#begin(from, { service, request: "", askedAt: atMs });
    else if (payload.length > 0) this.#ask(from, { service, request: payload.toString("latin1"), askedAt: atMs });
    else if (isEnd && waiting) this.#finish(from, waiting, { by: "client", atMs });
  }

  /** A request, or the rest of one. */
  #ask(client: string, part: Exchange): void {
    const waiting = this.#open.get(client);
    if (waiting) Object.assign(waiting, { request: waiting.request + part.request, askedAt: part.askedAt });
    else this.#begin(client, part);
  }

  #hearService({ to, atMs, isSyn, isEnd, payload }: Segment): void {
    const waiting = this.#open.get(to);
    if (isEnd) this.#connections.delete(to);
    if (isSyn) this.#connections.set(to, []);
    this.#connections.get(to)?.push(`<${payload.length}`);
    if (!waiting) return;
    if (isSyn) {
      // Connected: nothing is asked yet.
      this.#open.delete(to);
      this.#exchanges.splice(this.#exchanges.lastIndexOf(waiting), 1);
      return;
    }
    const [line = ""] = payload.toString("latin1").split("\r\n", 1);
    if (payload.length > 0 && !line.startsWith("HTTP/1.1 100")) {
      waiting.answer = line;
      this.#finish(to, waiting, { by: "answer", atMs });
    } else if (isEnd) {
      this.#finish(to, waiting, { by: "close", atMs });
    }
  }

  #begin(client: string, exchange: Exchange): void {
    this.#open.set(client, exchange);
    this.#exchanges.push(exchange);
  }

  #finish(client: string, exchange: Exchange, end: NonNullable<Exchange["end"]>): void {
    exchange.end = end;
    this.#open.delete(client);
  }
}

const LETTERS: readonly (readonly [RegExp, string])[] = [
  [/^PUT \/+latest\/api\/token$/, "P"],
  [/^GET \/+[\w-]+\/meta-data\/iam\/security-credentials\/$/, "L"],
  [/^GET \/+[\w-]+\/meta-data\/iam\/security-credentials$/, "L-"],
  [/^GET \/+[\w-]+\/meta-data\/iam\/security-credentials\/+[^/]+$/, "C"],
  [/^GET \/v1\/credentials$/, "E"],
];

/**
 * "P L C!503": token, list, document, which was answered 503; "1" for a request without a token; "E" the container
 * endpoint; "!reset" closed without an answer, "!none" given up by the client.
 */
export const shorthand = (exchanges: readonly Exchange[]): string => exchanges.map(word).join(" ");

function word({ request, answer, end }: Exchange): string {
  const [line = "", ...fields] = request.split("\r\n\r\n", 1)[0]?.split("\r\n") ?? [];
  const [method = "", target = ""] = line.split(" ");
  const letter = LETTERS.find(([pattern]) => pattern.test(`${method} ${target}`))?.[1];
  const needsToken = method !== "PUT" && letter !== "E";
  const hasToken = fields.some((field) => /^x-aws-ec2-metadata-token:/i.test(field));
  const name = request === "" ? "connect" : (letter ?? target.replace(/^\/latest\/meta-data/, ""));
  return `${name}${needsToken && !hasToken && request !== "" ? "1" : ""}${failing(answer, end)}`;
}

function failing(answer: string | undefined, end: Exchange["end"]): string {
  const status = answer?.split(" ")[1];
  if (status !== undefined) return status === "200" ? "" : `!${status}`;
  return end?.by === "close" ? "!reset" : "!none";
}
