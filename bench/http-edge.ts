/**
 * What the HTTP edge costs: our HttpServer beside node:http and beside a node:net server that answers any bytes with the
 * same constant, on the runtime this file is run with (`node bench/http-edge.ts`, `bun bench/http-edge.ts`).
 *
 * Each server is a process of its own; they take turns in short rounds, so what else the machine does hits all alike.
 * Printed are medians over the rounds and their ratios. CPU is the server process's own (user and system), so it does
 * not depend on how fast the load generator is; requests per second does, where the generator is the slower.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { HttpServer } from "../src/http/http-server.ts";

const CONNECTIONS = 32;
const ROUNDS = Number(process.env["ROUNDS"] ?? 9);
const ROUND_MS = Number(process.env["ROUND_MS"] ?? 700);

/** As botocore asks for credentials, and an answer of the usual size. */
const REQUEST = Buffer.from(
  `GET /latest/meta-data/iam/security-credentials/reader HTTP/1.1\r\nHost: 169.254.169.254\r\nUser-Agent: Boto3/1.44.5 Python/3.11.7 Linux/6.1\r\nAccept-Encoding: identity\r\nx-aws-ec2-metadata-token: ${"A".repeat(96)}\r\n\r\n`,
);
const BODY = `{\n  "Code" : "Success",\n  "Token" : "${"t".repeat(800)}"\n}`;
const CONTENT_TYPE = "text/plain";

const SERVERS = {
  constant: serveConstant,
  edge: serveEdge,
  "node:http": serveNodeHttp,
} as const;
type ServerName = keyof typeof SERVERS;
const NAMES = Object.keys(SERVERS) as ServerName[];

async function serveConstant(): Promise<number> {
  const date = new Date().toUTCString();
  const head = `HTTP/1.1 200 OK\r\nContent-Type: ${CONTENT_TYPE}\r\nServer: EC2ws\r\nDate: ${date}\r\nContent-Length: ${BODY.length}\r\n\r\n`;
  const answer = Buffer.from(head + BODY);
  const server = createTcpServer({ noDelay: true }, (socket) => {
    socket.on("data", () => socket.write(answer));
    socket.on("error", () => {});
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function serveEdge(): Promise<number> {
  const response = { status: 200, headers: [["Content-Type", CONTENT_TYPE]], body: BODY } as const;
  const server = new HttpServer({ now: () => Date.now(), handle: async () => response });
  await server.listen({ host: "127.0.0.1", port: 0 });
  return server.address()?.port ?? 0;
}

async function serveNodeHttp(): Promise<number> {
  const server = createHttpServer((request, response) => {
    request.resume();
    response.writeHead(200, { "Content-Type": CONTENT_TYPE, Server: "EC2ws", "Content-Length": BODY.length });
    response.end(BODY);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** The child: prints its port, then its CPU time in microseconds for each line it is sent. */
async function serve(name: ServerName): Promise<void> {
  console.log(await SERVERS[name]());
  for await (const _ of createInterface({ input: process.stdin })) {
    const { user, system } = process.cpuUsage();
    console.log(user + system);
  }
  process.exit(0);
}

/** A server in a child process, and connections to it that are kept between rounds. */
class Contestant {
  readonly name: ServerName;
  readonly rates: number[] = [];
  readonly cpuMicros: number[] = [];
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #clients: Client[] = [];

  constructor(name: ServerName) {
    this.name = name;
    const script = fileURLToPath(import.meta.url);
    const child = spawn(process.execPath, [script, "--serve", name], { stdio: ["pipe", "pipe", "inherit"] });
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  async open(): Promise<void> {
    const port = await this.#nextNumber();
    this.#clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => Client.open(port)));
  }

  async #nextNumber(): Promise<number> {
    return Number((await this.#lines.next()).value);
  }

  async #cpu(): Promise<number> {
    this.#child.stdin?.write("cpu\n");
    return this.#nextNumber();
  }

  async round(isCounted: boolean): Promise<void> {
    const cpuBefore = await this.#cpu();
    const started = performance.now();
    const counts = await Promise.all(this.#clients.map((client) => client.run(ROUND_MS)));
    const seconds = (performance.now() - started) / 1000;
    const requests = counts.reduce((sum, count) => sum + count, 0);
    const cpu = (await this.#cpu()) - cpuBefore;
    if (!isCounted) return;
    this.rates.push(requests / seconds);
    this.cpuMicros.push(cpu / requests);
  }

  close(): void {
    for (const client of this.#clients) client.close();
    this.#child.stdin?.end();
  }
}

/** Asks again as soon as it is answered. Answers of one server are of one length, learnt from the first. */
class Client {
  readonly #socket: Socket;
  #answerBytes = 0;
  #bytesDue = 0;
  #count = 0;
  #until = 0;
  #done: (count: number) => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes) => this.#receive(bytes));
  }

  static async open(port: number): Promise<Client> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    return new Client(socket);
  }

  run(forMs: number): Promise<number> {
    this.#count = 0;
    this.#until = performance.now() + forMs;
    return new Promise((resolve) => {
      this.#done = resolve;
      this.#ask();
    });
  }

  #ask(): void {
    this.#bytesDue = this.#answerBytes;
    this.#socket.write(REQUEST);
  }

  #receive(bytes: Buffer): void {
    if (this.#answerBytes === 0) this.#bytesDue = this.#answerBytes = lengthOfAnswer(bytes);
    this.#bytesDue -= bytes.length;
    if (this.#bytesDue > 0) return;
    this.#count += 1;
    if (performance.now() < this.#until) this.#ask();
    else this.#done(this.#count);
  }

  close(): void {
    this.#socket.destroy();
  }
}

function lengthOfAnswer(bytes: Buffer): number {
  const text = bytes.toString("latin1");
  return text.indexOf("\r\n\r\n") + 4 + Number(/content-length: (\d+)/i.exec(text)?.[1]);
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

async function compare(): Promise<void> {
  const contestants = NAMES.map((name) => new Contestant(name));
  for (const contestant of contestants) await contestant.open();
  for (let round = -2; round < ROUNDS; round += 1) {
    for (const contestant of contestants) await contestant.round(round >= 0);
  }
  for (const contestant of contestants) contestant.close();
  report(contestants);
}

function report(contestants: readonly Contestant[]): void {
  const runtime = process.versions["bun"] === undefined ? `node ${process.version}` : `bun ${process.versions["bun"]}`;
  console.log(`${runtime}, ${CONNECTIONS} connections, medians of ${ROUNDS} rounds of ${ROUND_MS} ms`);
  const [base] = contestants;
  for (const { name, rates, cpuMicros } of contestants) {
    const rate = median(rates);
    const cpu = median(cpuMicros);
    const ofBase = (value: number, of: readonly number[] = []): string => (value / median(of)).toFixed(2);
    console.log(
      `${name.padEnd(10)} ${rate.toFixed(0).padStart(7)} req/s (${ofBase(rate, base?.rates)} of constant)` +
        `  ${cpu.toFixed(1).padStart(6)} us CPU/request (${ofBase(cpu, base?.cpuMicros)} x constant)`,
    );
  }
}

const [flag, name] = process.argv.slice(2);
if (flag === "--serve") await serve(name as ServerName);
else await compare();
