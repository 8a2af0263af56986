import type { IncomingMessage } from "node:http";
import type { z } from "zod";
import { AtMost } from "../kit/at-most.ts";
import { versionToSpeak } from "./api-version.ts";
import { boundedLines, LineTooLong } from "./bounded-lines.ts";
import type { ContainerDetails, Engine, EngineEvent, EventQuery, NetworkDetails, NetworkSummary } from "./engine.ts";
import { type EngineEndpoint, parseEndpoint } from "./engine-endpoint.ts";
import { EngineError, type EngineErrorKind, engineErrorFrom } from "./engine-error.ts";
import { type EngineAnswer, getAnswer, openStream } from "./engine-http.ts";
import { ContainerShape, EventShape, NetworkListShape, NetworkShape, VersionShape } from "./engine-shapes.ts";

export interface EngineClientOptions {
  /** As {@link parseEndpoint} reads it; anything else throws at once. */
  readonly endpoint: string;
  /** For calls that Docker answers in milliseconds. */
  readonly callTimeoutMs?: number;
  /** For a container's inspect, which waits for its start. */
  readonly inspectTimeoutMs?: number;
}

const CALL_TIMEOUT_MS = 5_000;
const INSPECT_TIMEOUT_MS = 10_000;
/** Those of one burst of starts block; a thousand at once would fill dockerd's listen queue. */
const MAX_INSPECTS = 64;
/** An event repeats all labels of its container. */
const MAX_EVENT_BYTES = 4 * 1024 * 1024;
/** Only for an Engine behind tcp that vanishes without a word: its events would be silence for ever. */
const KEEP_ALIVE_MS = 15_000;

/**
 * A narrow client of the Docker Engine API: it reads networks, containers and events, and has no way to run, stop or
 * delete anything. Speaks with podman's Docker-compatible service too.
 */
export class EngineClient implements Engine {
  readonly #endpoint: EngineEndpoint;
  readonly #callTimeoutMs: number;
  readonly #inspectTimeoutMs: number;
  readonly #inspects = new AtMost(MAX_INSPECTS);
  #version: Promise<string> | undefined;

  constructor(options: EngineClientOptions) {
    this.#endpoint = endpointOf(options.endpoint);
    this.#callTimeoutMs = options.callTimeoutMs ?? CALL_TIMEOUT_MS;
    this.#inspectTimeoutMs = options.inspectTimeoutMs ?? INSPECT_TIMEOUT_MS;
  }

  listNetworks(): Promise<readonly NetworkSummary[]> {
    return this.#read("/networks", NetworkListShape);
  }

  inspectNetwork(id: string): Promise<NetworkDetails> {
    return this.#read(`/networks/${encodeURIComponent(id)}`, NetworkShape);
  }

  inspectContainer(id: string): Promise<ContainerDetails> {
    const path = `/containers/${encodeURIComponent(id)}/json`;
    return this.#inspects.run(() => this.#read(path, ContainerShape, this.#inspectTimeoutMs));
  }

  async events(query: EventQuery, signal: AbortSignal): Promise<AsyncIterable<EngineEvent>> {
    this.#version = undefined;
    const path = `/v${await this.#spoken()}/events?${parametersOf(query)}`;
    const response = await openStream({ endpoint: this.#endpoint, path, timeoutMs: this.#callTimeoutMs });
    if (signal.aborted || response.statusCode !== OK) {
      response.destroy();
      signal.throwIfAborted();
      throw this.#failure(statusKind(response.statusCode ?? 0), `GET /events: status ${response.statusCode}`);
    }
    response.socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const hangUp = (): unknown => response.destroy();
    signal.addEventListener("abort", hangUp, { once: true });
    return this.#eventsIn(response, () => signal.removeEventListener("abort", hangUp));
  }

  async *#eventsIn(response: IncomingMessage, forget: () => void): AsyncGenerator<EngineEvent> {
    try {
      for await (const line of boundedLines(response, MAX_EVENT_BYTES)) {
        yield this.#parse(line, EventShape, "an event");
      }
    } catch (error) {
      if (error instanceof LineTooLong) throw this.#failure("bad-answer", `an event: ${error.message}`);
      throw engineErrorFrom(error, { endpoint: this.#endpoint.text, asked: "GET /events" });
    } finally {
      forget();
      response.destroy();
    }
  }

  async #read<T extends z.ZodType>(path: string, shape: T, timeoutMs = this.#callTimeoutMs): Promise<z.output<T>> {
    const asked = `GET ${path}`;
    const { status, body } = await this.#get(path, timeoutMs);
    if (status === OK) return this.#parse(body, shape, asked);
    throw this.#failure(statusKind(status), `${asked}: status ${status}`);
  }

  /** A 400 to so plain a call means that the Engine was replaced by one that does not speak the version agreed on. */
  async #get(path: string, timeoutMs: number): Promise<EngineAnswer> {
    const call = async (): Promise<EngineAnswer> =>
      getAnswer({ endpoint: this.#endpoint, path: `/v${await this.#spoken()}${path}`, timeoutMs });
    const answer = await call();
    if (answer.status !== BAD_REQUEST) return answer;
    this.#version = undefined;
    return await call();
  }

  /** Agreed on once, by all callers together, and again at every subscription. A failure is not remembered. */
  #spoken(): Promise<string> {
    if (this.#version !== undefined) return this.#version;
    const version = this.#negotiate();
    this.#version = version;
    version.catch(() => {
      if (this.#version === version) this.#version = undefined;
    });
    return version;
  }

  async #negotiate(): Promise<string> {
    const asked = "GET /version";
    const timeoutMs = this.#callTimeoutMs;
    const { status, body } = await getAnswer({ endpoint: this.#endpoint, path: "/version", timeoutMs });
    if (status !== OK) throw this.#failure("bad-answer", `${asked}: status ${status}`);
    return versionToSpeak(this.#parse(body, VersionShape, asked));
  }

  #parse<T extends z.ZodType>(body: string, shape: T, asked: string): z.output<T> {
    const parsed = shape.safeParse(jsonOrUndefined(body));
    if (parsed.success) return parsed.data;
    const path = parsed.error.issues[0]?.path.join(".") ?? "";
    throw this.#failure("bad-answer", path === "" ? `${asked}: not the JSON expected` : `${asked}: field ${path}`);
  }

  #failure(kind: EngineErrorKind, detail: string): EngineError {
    return new EngineError({ kind, endpoint: this.#endpoint.text, detail });
  }
}

const OK = 200;
const BAD_REQUEST = 400;

const statusKind = (status: number): EngineErrorKind => (status === 404 ? "not-found" : "bad-answer");

function endpointOf(text: string): EngineEndpoint {
  const endpoint = parseEndpoint(text);
  if (endpoint.kind !== "bad-endpoint") return endpoint;
  throw new Error(`dockerEndpoint names no Docker Engine, because ${endpoint.reason}: current value is ${text}`);
}

const parametersOf = ({ types, actions, sinceSeconds }: EventQuery): URLSearchParams =>
  new URLSearchParams({ since: String(sinceSeconds), filters: JSON.stringify({ type: types, event: actions }) });

/** undefined, which no shape accepts, for what is no JSON. */
function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
