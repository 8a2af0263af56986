import { setTimeout as sleep } from "node:timers/promises";
import type { EpochMs } from "../../../src/core/credentials.ts";
import { RawClient, type RawResponse } from "../../http/raw-client.ts";

/** What came of one sequence: of its last request, since a sequence ends with the first that is not answered with 200. */
export interface Reply {
  readonly begunAt: EpochMs;
  readonly request: "token" | "list" | "document";
  /** Of HTTP, or how the connection ended without an answer, or "timeout". */
  readonly status: number | string;
  /** Of the slowest of its requests, the connection included. */
  readonly tookMs: number;
  /** Of a document: "Success", or what STS said no with. */
  readonly code?: string;
  readonly keyId?: string;
  readonly expiresAt?: EpochMs;
}

/** Longer than any SDK waits. */
const GIVE_UP_MS = 5_000;
const ROLES = "/latest/meta-data/iam/security-credentials/";
const TTL_FIELD = "x-aws-ec2-metadata-token-ttl-seconds: 21600";

/** A container's SDK: a token, the role's name, its document, on one connection. */
export async function askForCredentials(port: number, from: string): Promise<Reply> {
  const begunAt = Date.now();
  const client = new RawClient(port, from);
  let slowestMs = 0;
  const ask = async (line: string, field: string): Promise<Pick<RawResponse, "status" | "body">> => {
    const started = performance.now();
    const response = await client.send(`${line} HTTP/1.1\r\nHost: 169.254.169.254\r\n${field}\r\n\r\n`).response();
    slowestMs = Math.max(slowestMs, performance.now() - started);
    return response;
  };
  const steps = async (): Promise<Reply> => {
    const replyTo = (request: Reply["request"], status: number | string): Reply => ({
      begunAt,
      request,
      status,
      tookMs: slowestMs,
    });
    let request: Reply["request"] = "token";
    try {
      const token = await ask("PUT /latest/api/token", TTL_FIELD);
      if (token.status !== 200) return replyTo(request, token.status);
      const field = `x-aws-ec2-metadata-token: ${token.body}`;
      request = "list";
      const role = await ask(`GET ${ROLES}`, field);
      if (role.status !== 200) return replyTo(request, role.status);
      request = "document";
      const document = await ask(`GET ${ROLES}${role.body}`, field);
      return { ...replyTo(request, document.status), ...(document.status === 200 && fieldsOf(document.body)) };
    } catch (error) {
      return replyTo(request, error instanceof Error ? error.message : String(error));
    }
  };
  const timer = new AbortController();
  const givenUp = sleep(GIVE_UP_MS, undefined, timer).then(
    (): Reply => ({ begunAt, request: "token", status: "timeout", tookMs: GIVE_UP_MS }),
  );
  givenUp.catch(() => {});
  const reply = await Promise.race([steps(), givenUp]);
  timer.abort();
  client.close();
  return reply;
}

function fieldsOf(document: string): Pick<Reply, "code" | "keyId" | "expiresAt"> {
  const { Code, AccessKeyId, Expiration } = JSON.parse(document) as Readonly<Record<string, string | undefined>>;
  return {
    ...(Code !== undefined && { code: Code }),
    ...(AccessKeyId !== undefined && { keyId: AccessKeyId }),
    ...(Expiration !== undefined && { expiresAt: Date.parse(Expiration) }),
  };
}

export const isServed = ({ status, code }: Reply): boolean => status === 200 && code === "Success";

/** Asks again and again until told to stop, and keeps what came of it. */
export class Watch {
  readonly replies: Reply[] = [];
  readonly #ended: Promise<void>;
  #isOver = false;

  constructor(ask: () => Promise<Reply>, pauseMs: number) {
    this.#ended = this.#run(ask, pauseMs);
  }

  async #run(ask: () => Promise<Reply>, pauseMs: number): Promise<void> {
    while (!this.#isOver) {
      this.replies.push(await ask());
      await sleep(pauseMs);
    }
  }

  /** @returns the first reply to a sequence begun since then that is as wanted, or undefined when the time is up */
  async until(wanted: (reply: Reply) => boolean, since: EpochMs, withinMs: number): Promise<Reply | undefined> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const found = this.replies.find((reply) => reply.begunAt >= since && wanted(reply));
      if (found || performance.now() > deadline) return found;
      await sleep(20);
    }
  }

  async stop(): Promise<readonly Reply[]> {
    this.#isOver = true;
    await this.#ended;
    return this.replies;
  }
}
