/**
 * load.c over node:net, for where there is no C compiler: the same arguments, addresses on stdin, the same checks, the
 * same JSON. Slower than a fast server, so the figures it gives are CPU per sequence and little else.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import type { LoadResult } from "./load.ts";

const RETRY_MS = 50;
const ANSWER_PATIENCE_MS = 10_000;
const ROLES = "/latest/meta-data/iam/security-credentials/";

const [port = "", atOnce = "", seconds = "", connections = "", mode = ""] = process.argv.slice(2);
const addresses = (await text(process.stdin)).trim().split("\n");
const isCold = mode === "cold";
const began = performance.now();
const ends = began + Number(seconds) * 1000;
const latenciesUs: number[] = [];
const keys = new Map<number, string>();
let nextPeer = 0;
let retries = 0;
let errors = 0;
let firstError = "";

class NotReady extends Error {}

/** Half of the containers ask as botocore does, half as Go's SDK: the fields of each, in its order. */
function fieldsOf(peer: number): string {
  const isGo = peer % 2 === 1;
  const close = isGo && connections === "three" ? "Connection: close\r\n" : "";
  return isGo
    ? `User-Agent: aws-sdk-go-v2/1.47.7 ua/2.1 os/linux lang/go#1.26.8 md/GOOS#linux md/GOARCH#amd64 api/imds#1.18.31\r\nAmz-Sdk-Request: attempt=1; max=3\r\nAccept-Encoding: gzip\r\n${close}`
    : "User-Agent: Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.11.7\r\nAccept-Encoding: identity\r\n";
}

/** The requests of one container's sequence, on one connection or on one each. */
class Client {
  readonly #peer: number;
  #socket: Socket | undefined;

  constructor(peer: number) {
    this.#peer = peer;
  }

  /** @returns the body of a 200 */
  async ask(line: string, field: string): Promise<string> {
    if (connections === "three") this.close();
    this.#socket ??= await this.#connected();
    const head = `${line} HTTP/1.1\r\nHost: 169.254.169.254\r\n${fieldsOf(this.#peer)}`;
    this.#socket.write(`${head}${field}\r\n\r\n`);
    return bodyOf(await wholeAnswer(this.#socket));
  }

  async #connected(): Promise<Socket> {
    const localAddress = addresses[this.#peer] ?? "";
    const socket = connect({ port: Number(port), host: "127.0.0.1", localAddress, noDelay: true });
    socket.setTimeout(ANSWER_PATIENCE_MS, () => socket.destroy(new Error("no answer in time")));
    await once(socket, "connect");
    return socket;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }
}

/** Until Content-Length is fulfilled; a connection that ends before is an error. */
function wholeAnswer(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const end = (error?: Error): void => {
      socket.removeAllListeners("data").removeAllListeners("close").removeAllListeners("error");
      socket.on("error", () => {});
      if (error) reject(error);
      else resolve(answer);
    };
    socket.on("error", end).on("close", () => end(new Error("closed before the end of the answer")));
    socket.on("data", (bytes) => {
      answer += bytes.toString("latin1");
      const missing = missingIn(answer);
      if (missing <= 0) end(missing < 0 ? new Error("longer than its Content-Length") : undefined);
    });
  });
}

/** Bytes until the answer is whole; negative when there are too many. */
function missingIn(answer: string): number {
  const headEnd = answer.indexOf("\r\n\r\n");
  if (headEnd === -1) return Number.POSITIVE_INFINITY;
  return Number(/\r\ncontent-length: (\d+)/i.exec(answer)?.[1]) - (answer.length - headEnd - 4);
}

function bodyOf(answer: string): string {
  if (isCold && answer.startsWith("HTTP/1.1 503 ")) throw new NotReady();
  if (!answer.startsWith("HTTP/1.1 200 ")) throw new Error(`status is not 200 (${answer.slice(0, 12)})`);
  return answer.slice(answer.indexOf("\r\n\r\n") + 4);
}

function checkDocument(peer: number, body: string): void {
  const key = /"AccessKeyId" : "([^"]{20})"/.exec(body)?.[1];
  if (!body.includes('"Code" : "Success"') || !body.includes('"Token" : "') || key === undefined) {
    throw new Error("document: no credentials in it");
  }
  if ((keys.get(peer) ?? key) !== key) throw new Error("document: another key than before");
  keys.set(peer, key);
}

async function sequence(peer: number): Promise<void> {
  const client = new Client(peer);
  try {
    const seconds = "x-aws-ec2-metadata-token-ttl-seconds: 21600\r\nContent-Length: 0";
    const token = `x-aws-ec2-metadata-token: ${await client.ask("PUT /latest/api/token", seconds)}`;
    const role = await client.ask(`GET ${ROLES}`, token);
    if (role === "" || role.includes("\n")) throw new Error("list: no role in it");
    checkDocument(peer, await client.ask(`GET ${ROLES}${role}`, token));
  } finally {
    client.close();
  }
}

async function sequenceAtLast(peer: number): Promise<void> {
  for (;;) {
    try {
      return await sequence(peer);
    } catch (error) {
      if (!(error instanceof NotReady)) throw error;
      retries += 1;
      await delay(RETRY_MS);
    }
  }
}

/** The next container, or none when the run is over. */
function takePeer(): number | undefined {
  if (performance.now() >= ends || (isCold && nextPeer === addresses.length)) return undefined;
  const peer = nextPeer % addresses.length;
  nextPeer += 1;
  return peer;
}

async function client(): Promise<void> {
  for (let peer = takePeer(); peer !== undefined; peer = takePeer()) {
    const begun = performance.now();
    try {
      await sequenceAtLast(peer);
      latenciesUs.push(Math.round((performance.now() - begun) * 1000));
    } catch (error) {
      if (errors === 0) firstError = error instanceof Error ? error.message : String(error);
      errors += 1;
    }
  }
}

await Promise.all(Array.from({ length: Number(atOnce) }, client));
latenciesUs.sort((a, b) => a - b);
const percentile = (percent: number): number =>
  latenciesUs[Math.floor(((latenciesUs.length - 1) * percent) / 100)] ?? 0;
const result: LoadResult = {
  sequences: latenciesUs.length,
  seconds: (performance.now() - began) / 1000,
  p50Us: percentile(50),
  p99Us: percentile(99),
  keys: new Set(keys.values()).size,
  retries,
  errors,
  firstError,
  latenciesUs: isCold ? latenciesUs : [],
};
process.stdout.write(`${JSON.stringify(result)}\n`);
