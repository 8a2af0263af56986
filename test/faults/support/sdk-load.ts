import { Agent, type IncomingMessage, request } from "node:http";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

/** A container that asks for its credentials again and again, as SDKs do that never stop. */
export interface Client {
  readonly address: string;
  /** Its own; whatever else it is told is somebody else's. */
  readonly role: string;
  /** Keeps one connection for all it asks; without, each request has a new one. */
  readonly keepsAlive: boolean;
}

interface Document {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly Token: string;
}

interface Asking {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

const TOKEN_SECONDS = { "X-aws-ec2-metadata-token-ttl-seconds": "21600" };
const ROLES = "/latest/meta-data/iam/security-credentials/";
/** SDKs wait a second; a machine with too much to do stands still for longer. How long the slowest answer took is told. */
const PATIENCE_MS = 5_000;
const AFTER_FAILURE_MS = 10;
/** From one sequence to the next of the same container: some 800 requests a second of sixteen, a quarter of what two cores can do. */
const EVERY_MS = 60;

/** The load of many containers: whole sequences of the SDKs, counted request by request. */
export class SdkLoad {
  requests = 0;
  readonly failures: string[] = [];
  /** Answers that were not one's own. */
  readonly wrong: string[] = [];
  /** Connections kept alive whose end crossed the next request; it was sent anew, as every client's pool does. */
  crossed = 0;
  slowestMs = 0;
  /** The longest time in which nobody got an answer. */
  longestSilenceMs = 0;
  /** The longest that this process itself was held up: the machine had too much else to do. */
  longestStallMs = 0;
  readonly #port: number;
  readonly #documents = new Map<string, { readonly role: string; readonly document: Document }>();
  readonly #clients: Promise<unknown>;
  readonly #delays = monitorEventLoopDelay({ resolution: 10 });
  #lastAnswerAt = performance.now();
  #isOver = false;

  /** Resolves when the task has, and every client has stopped. */
  static async during(port: number, clients: readonly Client[], task: (load: SdkLoad) => Promise<void>) {
    const load = new SdkLoad(port, clients);
    await task(load).finally(() => load.#stop());
    return load;
  }

  private constructor(port: number, clients: readonly Client[]) {
    this.#port = port;
    this.#delays.enable();
    this.#clients = Promise.all(clients.map((client) => this.#live(client)));
  }

  /** Resolves when so many requests have been sent in all. */
  async reached(requests: number): Promise<void> {
    while (this.requests < requests) await delay(20);
  }

  async #stop(): Promise<void> {
    this.#isOver = true;
    await this.#clients;
    this.#delays.disable();
    this.longestStallMs = this.#delays.max / 1e6;
  }

  /** Asks STS whose each of the keys is that were handed out; names those that are not their holder's. */
  async strangers(stsUrl: string): Promise<readonly string[]> {
    const held = await Promise.all(
      [...this.#documents.values()].map(async ({ role, document }) => ({ role, is: await ownerOf(document, stsUrl) })),
    );
    return held
      .filter(({ role, is }) => !is.includes(`:assumed-role/${role}/`))
      .map(({ role, is }) => `${role}: ${is}`);
  }

  get keysSeen(): number {
    return this.#documents.size;
  }

  async #live(client: Client): Promise<void> {
    const agent = client.keepsAlive && new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = (asking: Asking) => this.#ask({ agent, localAddress: client.address, ...asking });
    while (!this.#isOver) {
      const rest = delay(EVERY_MS);
      try {
        await this.#sequence(client, ask);
        await rest;
      } catch (error) {
        this.failures.push(`${client.role}: ${error instanceof Error ? error.message : error}`);
        await delay(AFTER_FAILURE_MS);
      }
    }
    if (agent) agent.destroy();
  }

  async #sequence({ role }: Client, ask: (asking: Asking) => Promise<string>): Promise<void> {
    const token = await ask({ method: "PUT", path: "/latest/api/token", headers: TOKEN_SECONDS });
    const headers = { "X-aws-ec2-metadata-token": token };
    const listed = await ask({ path: ROLES, headers });
    if (listed !== role) this.wrong.push(`${role} was told ${listed}`);
    const document = JSON.parse(await ask({ path: `${ROLES}${role}`, headers })) as Document;
    this.#documents.set(`${role} ${document.AccessKeyId}`, { role, document });
  }

  async #ask(asking: Sent): Promise<string> {
    this.requests += 1;
    const begun = performance.now();
    const answer = await exchange(this.#port, asking).catch((error: unknown) => {
      if (!(error instanceof ClosedMeanwhile)) throw error;
      this.crossed += 1;
      return exchange(this.#port, asking);
    });
    if (answer.status !== 200) throw new Error(`${asking.path}: ${answer.status}`);
    this.#noteAnswer(begun);
    return answer.body;
  }

  #noteAnswer(begun: number): void {
    const now = performance.now();
    this.slowestMs = Math.max(this.slowestMs, now - begun);
    this.longestSilenceMs = Math.max(this.longestSilenceMs, now - this.#lastAnswerAt);
    this.#lastAnswerAt = now;
  }
}

interface Sent extends Asking {
  readonly agent: Agent | false;
  readonly localAddress: string;
}

/** A connection that had carried answers was found closed, and nothing of this one's answer had come. */
class ClosedMeanwhile extends Error {}

function exchange(port: number, { method = "GET", path, headers = {}, agent, localAddress }: Sent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, localAddress, agent, method, path, headers, timeout: PATIENCE_MS };
    const sent = request(options, (response) => void bodyOf(response).then(resolve, reject));
    sent.on("timeout", () => sent.destroy(new Error(`${path}: no answer in ${PATIENCE_MS} ms`)));
    sent.on("error", (error: NodeJS.ErrnoException) => {
      const isCrossed = sent.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
      reject(isCrossed ? new ClosedMeanwhile() : error);
    });
    sent.end();
  });
}

async function bodyOf(response: IncomingMessage): Promise<Answer> {
  let body = "";
  for await (const chunk of response.setEncoding("latin1")) body += chunk;
  return { status: response.statusCode ?? 0, body };
}

async function ownerOf({ AccessKeyId, SecretAccessKey, Token }: Document, endpoint: string): Promise<string> {
  const credentials = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token };
  const client = new STSClient({ region: "us-east-1", endpoint, credentials, maxAttempts: 2 });
  const { Arn } = await client.send(new GetCallerIdentityCommand({}));
  client.destroy();
  return Arn ?? "nobody's";
}
