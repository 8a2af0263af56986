import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { SessionKeys } from "../../../src/mock-ec2/session-keys.ts";
import { lastSegment } from "../../../src/mock-ec2/world.ts";
import type { SignedCalls } from "./signed-calls.ts";

/** How STS treats AssumeRole for one role. Whoever is not named gets what the mock says, at once. */
export interface Treatment {
  /** Answers this much later. */
  readonly afterMs?: number;
  /** Reads the request and never answers; ended by the next treatment of the role. */
  readonly hangs?: boolean;
  /** The first session is over so soon; those after it last as long as was asked for. */
  readonly firstSessionMs?: number;
}

export interface StsFrontOptions {
  readonly host: string;
  readonly port: number;
  /** The mock's own STS: it decides, and checks every signature. */
  readonly behind: string;
  /** Made of the mock's seed, so that a session made here is one that the mock knows. */
  readonly keys: SessionKeys;
  readonly calls: SignedCalls;
}

/** STS as the hosts and the containers reach it: the mock, but late, silent or short-lived where a test says so. */
export class StsFront {
  readonly #options: StsFrontOptions;
  readonly #treatments = new Map<string, Treatment>();
  /** By access key id: the role of every session handed out. */
  readonly #sessions = new Map<string, string>();
  readonly #hanging = new Map<string, ServerResponse[]>();
  readonly #server: Server;

  constructor(options: StsFrontOptions) {
    this.#options = options;
    this.#server = createServer((incoming, outgoing) => {
      this.#exchange(incoming, outgoing).catch(() => outgoing.destroy());
    });
  }

  async listen(): Promise<this> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve) => this.#server.listen({ host, port }, resolve));
    return this;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  treat(role: string, treatment: Treatment): void {
    this.#treatments.set(role, treatment);
    for (const outgoing of this.#hanging.get(role) ?? []) outgoing.destroy();
    this.#hanging.delete(role);
  }

  roleOfKey(accessKeyId: string): string | undefined {
    return this.#sessions.get(accessKeyId);
  }

  async #exchange(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = Buffer.concat(await incoming.toArray());
    const form = new URLSearchParams(body.toString("utf8"));
    const exchange = { incoming, body, outgoing };
    if (form.get("Action") === "AssumeRole") await this.#assume(lastSegment(form.get("RoleArn") ?? ""), exchange);
    else await this.#pass(exchange);
  }

  async #pass({ incoming, body, outgoing }: Exchange): Promise<void> {
    const { status, text } = await this.#ask(incoming, body);
    this.#options.calls.add("sts", incoming, status === 200 ? textOf(text, "Arn") : undefined);
    outgoing.writeHead(status, XML).end(text);
  }

  async #assume(role: string, exchange: Exchange): Promise<void> {
    const { incoming, body, outgoing } = exchange;
    const { hangs, afterMs = 0, firstSessionMs } = this.#treatments.get(role) ?? {};
    if (hangs) {
      this.#hanging.set(role, [...(this.#hanging.get(role) ?? []), outgoing]);
      return;
    }
    const [{ status, text }] = await Promise.all([this.#ask(incoming, body), sleep(afterMs)]);
    outgoing.writeHead(status, XML).end(status === 200 ? this.#handOut(role, text, firstSessionMs) : text);
  }

  #ask({ method, url, headers }: IncomingMessage, body: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { "transfer-encoding": _, ...rest } = headers;
      const own = { ...rest, "content-length": String(body.length), connection: "close" };
      const outgoing = request(`${this.#options.behind}${url}`, { method, headers: own }, async (response) => {
        const text = Buffer.concat(await response.toArray()).toString("utf8");
        resolve({ status: response.statusCode ?? 500, text });
      });
      outgoing.on("error", reject).end(body);
    });
  }

  #handOut(role: string, text: string, firstSessionMs: number | undefined): string {
    const isFirst = !new Set(this.#sessions.values()).has(role);
    const given = isFirst && firstSessionMs !== undefined ? this.#shortened(text, firstSessionMs) : text;
    this.#sessions.set(textOf(given, "AccessKeyId"), role);
    return given;
  }

  /** The same session but for its end, with keys of its own: the mock will refuse it when it is over. */
  #shortened(text: string, lifeMs: number): string {
    const { keys } = this.#options;
    const session = keys.sessionOf(textOf(text, "AccessKeyId"), textOf(text, "SessionToken"));
    if (!session) throw new Error("the mock's own session is unknown");
    const given = keys.issue({ ...session, expiresAt: Date.now() + lifeMs }, randomBytes(16));
    const values = {
      AccessKeyId: given.accessKeyId,
      SecretAccessKey: given.secretAccessKey,
      SessionToken: given.sessionToken,
      Expiration: new Date(given.expiresAt).toISOString(),
    };
    return Object.entries(values).reduce(
      (xml, [name, value]) => xml.replace(new RegExp(`<${name}>[^<]*`), `<${name}>${value}`),
      text,
    );
  }
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly body: Buffer;
  readonly outgoing: ServerResponse;
}

const XML = { "Content-Type": "text/xml" };

interface Answer {
  readonly status: number;
  readonly text: string;
}

const textOf = (xml: string, name: string): string => new RegExp(`<${name}>([^<]*)`).exec(xml)?.[1] ?? "";
