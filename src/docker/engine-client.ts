import type { IncomingMessage } from "node:http";
import type { z } from "zod";
import { AtMost } from "../kit/at-most.ts";
import { withDeadline } from "../kit/deadline.ts";
import { sleep } from "../kit/sleep.ts";
import { versionToSpeak } from "./api-version.ts";
import { boundedLines, LineTooLong } from "./bounded-lines.ts";
import type {
  ContainerDetails,
  Engine,
  EngineEvent,
  EventQuery,
  LabelledContainer,
  NetworkDetails,
  NetworkSummary,
} from "./engine.ts";
import { type EngineEndpoint, parseEndpoint } from "./engine-endpoint.ts";
import { EngineError, type EngineErrorKind, engineErrorFrom } from "./engine-error.ts";
import { type EngineAnswer, type EngineCall, getAnswer, openStream } from "./engine-http.ts";
import {
  ContainerShape,
  EventShape,
  LabelledListShape,
  NetworkListShape,
  NetworkShape,
  VersionShape,
} from "./engine-shapes.ts";

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
/** Some KiB, unless its labels are books: reading those keeps all others waiting, at each of its events. */
const MAX_INSPECT_BYTES = 4 * 1024 * 1024;
/** Only for an Engine behind tcp that vanishes without a word: its events would be silence for ever. */
const KEEP_ALIVE_MS = 15_000;
/** An Engine that refuses a subscription does so at once. */
const REFUSAL_MS = 250;

/**
 * A narrow client of the Docker Engine API: it reads networks, containers and events, and has no way to run, stop or
 * delete anything. Speaks with podman's Docker-compatible service too.
 */
export class EngineClient implements Engine {
  readonly #endpoint: EngineEndpoint;
  readonly #callTimeoutMs: number;
  readonly #inspectTimeoutMs: number;
  readonly #inspects = new AtMost(MAX_INSPECTS);
  #dialect: Promise<Dialect> | undefined;

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

  runningWithLabel(label: string): Promise<readonly LabelledContainer[]> {
    const filters = new URLSearchParams({ filters: JSON.stringify({ label: [label] }) });
    return this.#read(`/containers/json?${filters}`, LabelledListShape);
  }

  inspectContainer(id: string): Promise<ContainerDetails> {
    const path = `/containers/${encodeURIComponent(id)}/json`;
    const limits: CallLimits = { timeoutMs: this.#inspectTimeoutMs, maxBytes: MAX_INSPECT_BYTES };
    return this.#inspects.run(() => this.#read(path, ContainerShape, limits));
  }

  /** podman sends the head of its answer together with the first event: there, silence is acceptance. */
  async events(query: EventQuery, signal: AbortSignal): Promise<AsyncIterable<EngineEvent>> {
    this.#dialect = undefined;
    const { version, isPodman } = await this.#spoken();
    const path = `/v${version}/events?${parametersOf(query)}`;
    const timeoutMs = isPodman ? undefined : this.#callTimeoutMs;
    const accepted = this.#accepted(openStream({ endpoint: this.#endpoint, path, timeoutMs }, signal), signal);
    if (isPodman) await withDeadline(accepted, REFUSAL_MS, sleep);
    else await accepted;
    return this.#eventsIn(accepted);
  }

  async #accepted(opening: Promise<IncomingMessage>, signal: AbortSignal): Promise<IncomingMessage> {
    const response = await opening;
    if (signal.aborted || response.statusCode !== OK) {
      response.destroy();
      signal.throwIfAborted();
      throw this.#failure(statusKind(response.statusCode ?? 0), `GET /events: status ${response.statusCode}`);
    }
    response.socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const hangUp = (): unknown => response.destroy();
    signal.addEventListener("abort", hangUp);
    response.once("close", () => signal.removeEventListener("abort", hangUp));
    return response;
  }

  async *#eventsIn(accepted: Promise<IncomingMessage>): AsyncGenerator<EngineEvent> {
    const response = await accepted;
    try {
      for await (const line of boundedLines(response, MAX_EVENT_BYTES)) {
        yield this.#parse(line, EventShape, "an event");
      }
    } catch (error) {
      if (error instanceof LineTooLong) throw this.#failure("bad-answer", `an event: ${error.message}`);
      throw engineErrorFrom(error, { endpoint: this.#endpoint.text, asked: "GET /events" });
    } finally {
      response.destroy();
    }
  }

  async #read<T extends z.ZodType>(path: string, shape: T, limits?: CallLimits): Promise<z.output<T>> {
    const asked = `GET ${path}`;
    const { status, body } = await this.#get(path, limits ?? { timeoutMs: this.#callTimeoutMs });
    if (status === OK) return this.#parse(body, shape, asked);
    throw this.#failure(statusKind(status), `${asked}: status ${status}`);
  }

  /** A 400 to so plain a call means that the Engine was replaced by one that does not speak the version agreed on. */
  async #get(path: string, limits: CallLimits): Promise<EngineAnswer> {
    const call = async (): Promise<EngineAnswer> =>
      getAnswer({ endpoint: this.#endpoint, path: `/v${(await this.#spoken()).version}${path}`, ...limits });
    const answer = await call();
    if (answer.status !== BAD_REQUEST) return answer;
    this.#dialect = undefined;
    return await call();
  }

  /** Agreed on once, by all callers together, and again at every subscription. A failure is not remembered. */
  #spoken(): Promise<Dialect> {
    if (this.#dialect !== undefined) return this.#dialect;
    const dialect = this.#negotiate();
    this.#dialect = dialect;
    dialect.catch(() => {
      if (this.#dialect === dialect) this.#dialect = undefined;
    });
    return dialect;
  }

  async #negotiate(): Promise<Dialect> {
    const asked = "GET /version";
    const timeoutMs = this.#callTimeoutMs;
    const { status, body } = await getAnswer({ endpoint: this.#endpoint, path: "/version", timeoutMs });
    if (status !== OK) throw this.#failure("bad-answer", `${asked}: status ${status}`);
    const said = this.#parse(body, VersionShape, asked);
    return { version: versionToSpeak(said), isPodman: said.isPodman };
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

type CallLimits = Pick<EngineCall, "timeoutMs" | "maxBytes">;

interface Dialect {
  /** Of the API, e.g. "1.45". */
  readonly version: string;
  readonly isPodman: boolean;
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
