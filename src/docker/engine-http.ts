import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { TIMED_OUT, withDeadline } from "../kit/deadline.ts";
import { sleep } from "../kit/sleep.ts";
import type { EngineEndpoint } from "./engine-endpoint.ts";
import { EngineError, engineErrorFrom } from "./engine-error.ts";

export interface EngineCall {
  readonly endpoint: EngineEndpoint;
  /** With the version prefix and the query. */
  readonly path: string;
  /** Until the whole answer is here; of a stream, until its head is. Undefined: for ever. */
  readonly timeoutMs: number | undefined;
  /** Of the body; a longer one is a bad answer. Undefined: MAX_BODY_BYTES. */
  readonly maxBytes?: number | undefined;
}

export interface EngineAnswer {
  readonly status: number;
  readonly body: string;
}

/** A network of 4000 containers is 1 MiB. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** One GET on a connection of its own. @throws EngineError */
export async function getAnswer(call: EngineCall): Promise<EngineAnswer> {
  const request = begin(call);
  return await within(call, () => readAnswer(call, request)).finally(() => request.destroy());
}

/**
 * One GET whose answer does not end by itself: resolves with its head. The caller destroys the answer.
 *
 * @param signal gives it up while the head is waited for
 * @throws EngineError
 */
export async function openStream(call: EngineCall, signal: AbortSignal): Promise<IncomingMessage> {
  signal.throwIfAborted();
  const request = begin(call);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await within(call, () => Promise.race([head(request), aborted]));
  } catch (error) {
    request.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Races the clock instead of trusting the runtime to end a destroyed request: Node and Bun tell of that differently. */
async function within<T>(call: EngineCall, task: () => Promise<T>): Promise<T> {
  const where = { endpoint: call.endpoint.text, asked: `GET ${call.path}` };
  try {
    const result = call.timeoutMs === undefined ? await task() : await withDeadline(task(), call.timeoutMs, sleep);
    if (result !== TIMED_OUT) return result;
  } catch (error) {
    throw engineErrorFrom(error, where);
  }
  throw new EngineError({ kind: "timeout", endpoint: where.endpoint, detail: `${where.asked}: ${call.timeoutMs} ms` });
}

/**
 * Without an agent: a connection kept for later may be one that a restarted dockerd has closed, and a new one on a
 * unix socket costs a tenth of a millisecond.
 */
function begin({ endpoint, path }: EngineCall): ClientRequest {
  const target =
    endpoint.kind === "socket" ? { socketPath: endpoint.socketPath } : { host: endpoint.host, port: endpoint.port };
  return httpRequest({ ...target, path, agent: false, headers: { Host: "docker", Accept: "application/json" } });
}

/** The error listener stays: a request that fails after its head came must not end the process. */
function head(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on("error", reject);
    request.once("response", (response) => {
      response.on("error", () => {});
      resolve(response);
    });
    request.end();
  });
}

async function readAnswer(call: EngineCall, request: ClientRequest): Promise<EngineAnswer> {
  const response = await head(request);
  return { status: response.statusCode ?? 0, body: await readBody(call, response) };
}

async function readBody(call: EngineCall, response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytesOf(call)) throw tooLong(call);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

const maxBytesOf = ({ maxBytes = MAX_BODY_BYTES }: EngineCall): number => maxBytes;

const tooLong = (call: EngineCall): EngineError =>
  new EngineError({
    kind: "bad-answer",
    endpoint: call.endpoint.text,
    detail: `GET ${call.path}: more than ${maxBytesOf(call)} bytes`,
  });
