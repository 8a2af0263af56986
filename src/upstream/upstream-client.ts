import { type IncomingMessage, request } from "node:http";
import type { EpochMs } from "../core/credentials.ts";
import { Refusal } from "../core/failure.ts";
import { SingleFlight } from "../kit/single-flight.ts";

export interface UpstreamOptions {
  /** E.g. "http://169.254.169.254" */
  readonly url: string;
  readonly now: () => EpochMs;
  /** One exchange in all, connection included; under the least patient SDK's whole budget. */
  readonly timeoutMs: number;
}

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

interface Token {
  readonly text: string;
  readonly renewAt: EpochMs;
}

const TOKEN_SECONDS = 21_600;
/** EC2's have 56 characters of base64. Somebody else's page, kept as a token for hours, would outlive the trouble. */
const TOKEN = /^[\x21-\x7e]{1,1024}$/;
/** A token is replaced this long before its end, so that none expires on its way. */
const RENEW_TOKEN_BEFORE_MS = 60_000;
/** User data, the largest document, has 16 KiB: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html */
const MAX_BODY_BYTES = 1 << 20;

/**
 * The host's own talk with the real metadata service: a token of our own, a
 * connection of its own per request, and nothing of any workload's in it.
 */
export class UpstreamClient {
  readonly #options: UpstreamOptions;
  readonly #flights = new SingleFlight<"token", Token>();
  #token: Token | undefined;

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  /**
   * @param path below the service's root, without its leading slash
   * @returns the document, or undefined where upstream says 404
   * @throws Refusal `upstream-unavailable`
   */
  async get(path: string): Promise<Buffer | undefined> {
    const answer = await this.#getWithToken(path);
    if (answer.status === 404) return undefined;
    if (answer.status === 200) return answer.body;
    throw unavailable(path, `it answered ${answer.status}`);
  }

  /** A token that upstream no longer takes is replaced once; upstream's 401 is never a workload's. */
  async #getWithToken(path: string): Promise<Answer> {
    const token = await this.#currentToken();
    const answer = await this.#exchange("GET", path, tokenHeader(token));
    if (answer.status !== 401) return answer;
    if (this.#token?.text === token) this.#token = undefined; // unless another request has replaced it already
    return this.#exchange("GET", path, tokenHeader(await this.#currentToken()));
  }

  async #currentToken(): Promise<string> {
    if (this.#token && this.#token.renewAt > this.#options.now()) return this.#token.text;
    this.#token = await this.#flights.run("token", () => this.#newToken());
    return this.#token.text;
  }

  async #newToken(): Promise<Token> {
    const path = "latest/api/token";
    const renewAt = this.#options.now() + TOKEN_SECONDS * 1000 - RENEW_TOKEN_BEFORE_MS;
    const headers = { "X-aws-ec2-metadata-token-ttl-seconds": String(TOKEN_SECONDS), "Content-Length": "0" };
    const { status, body } = await this.#exchange("PUT", path, headers);
    if (status !== 200) throw unavailable(path, `it answered ${status} to the request for a token`);
    const text = body.toString("latin1");
    if (!TOKEN.test(text)) throw unavailable(path, "what it answered is no token");
    return { text, renewAt };
  }

  async #exchange(method: string, path: string, headers: Record<string, string>): Promise<Answer> {
    const { url, timeoutMs } = this.#options;
    try {
      return await exchange({ method, url: `${url}/${path}`, headers, timeoutMs });
    } catch (error) {
      throw unavailable(path, reasonOf(error, timeoutMs), error);
    }
  }
}

const tokenHeader = (token: string) => ({ "X-aws-ec2-metadata-token": token });

const unavailable = (what: string, reason: string, cause?: unknown): Refusal =>
  new Refusal({ kind: "upstream-unavailable", what, reason }, { cause });

function reasonOf(error: unknown, timeoutMs: number): string {
  const { name, code } = error as { name?: string; code?: string };
  if (name === "TimeoutError" || name === "AbortError") return `no answer within ${timeoutMs} ms`;
  return code ?? name ?? "unknown error";
}

interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly timeoutMs: number;
}

function exchange({ method, url, headers, timeoutMs }: Exchange): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const outgoing = request(url, { method, headers, agent: false, signal }, (incoming) => {
      wholeBody(incoming).then((body) => {
        resolve({ status: incoming.statusCode ?? 0, body });
      }, reject);
    });
    outgoing.on("error", (error) => reject(signal.aborted ? (signal.reason as Error) : error));
    outgoing.end();
  });
}

async function wholeBody(incoming: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of incoming as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_BODY_BYTES) throw new Error(`a document of over ${MAX_BODY_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}
