import type { Broker } from "../broker/broker.ts";
import type { BrokerEvents } from "../broker/broker-events.ts";
import type { Binding } from "../broker/workload-resolver.ts";
import type { EpochMs } from "../core/credentials.ts";
import { Refusal } from "../core/failure.ts";
import { canonicalPath } from "../core/metadata-path.ts";
import { type Workload, workloadKey } from "../core/workload.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "../http/http-message.ts";
import { authorityOf, isServiceHost } from "./allowed-host.ts";
import { failureResponse } from "./failure-response.ts";
import { type Handler, handlers, type ReadUpstream, TOKEN_SECONDS_HEADER } from "./handlers.ts";
import type { MetadataTokens } from "./metadata-token.ts";
import { findRoute, type Route, type RouteName } from "./routes.ts";

export interface MetadataServiceParts {
  readonly broker: Broker;
  readonly tokens: MetadataTokens;
  /** "required" refuses who asks without a metadata token; a wrong one is refused in any case. */
  readonly metadataTokens: "required" | "optional";
  readonly readUpstream: ReadUpstream;
  readonly events: Pick<BrokerEvents, "refused">;
  readonly now: () => EpochMs;
}

/**
 * The container-facing surface: one request in, one answer out, nothing kept
 * between. Each step may refuse, and then none of the later ones happens.
 */
export function metadataService(parts: MetadataServiceParts): HttpHandler {
  const handle = handlers(parts);
  return async (request) => {
    const seen: Seen = {};
    try {
      return await answer({ parts, handle, request, seen });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      parts.events.refused({ peerAddress: request.peerAddress, failure: error.failure, cause: error.cause, ...seen });
      return onBinding(failureResponse(error.failure, parts.now()), request, seen.binding);
    }
  };
}

/** What is known of the request so far, for the line that tells of its refusal. */
interface Seen {
  path?: string;
  workload?: Workload;
  binding?: Binding;
}

interface Step {
  readonly parts: MetadataServiceParts;
  readonly handle: Readonly<Record<RouteName, Handler>>;
  readonly request: HttpRequest;
  readonly seen: Seen;
}

async function answer({ parts, handle, request, seen }: Step): Promise<HttpResponse> {
  requireServiceHost(request);
  const method = methodOf(request);
  const segments = segmentsOf(request, seen);
  const route = routeOf(method, segments);
  const binding = await parts.broker.identify(request.peerAddress);
  seen.binding = binding;
  seen.workload = binding.workload;
  const isOpen = method === "PUT" || route?.auth === "open";
  const secondsLeft = isOpen ? undefined : checkToken(parts, request, binding);
  if (!route) throw new Refusal({ kind: "path-unknown" });
  const response = await handle[route.name]({ request, segments, binding });
  return onBinding(withSecondsLeft(response, secondsLeft), request, binding);
}

/** The answer goes out only on the binding it was made for, and to a HEAD without its body. */
const onBinding = (response: HttpResponse, { method }: HttpRequest, binding: Binding | undefined): HttpResponse => ({
  ...response,
  omitBody: method === "HEAD",
  ...(binding && { mayBeSent: () => binding.isCurrent() }),
});

function requireServiceHost({ headers, target }: HttpRequest): void {
  const host = authorityOf(target) ?? headers.get("host")?.[0];
  if (host !== undefined && !isServiceHost(host)) throw new Refusal({ kind: "host-not-allowed", host });
}

/** HEAD reads as GET. A PUT that came through a proxy is not the workload's own: AWS refuses it, and so is it here. */
function methodOf({ method, headers }: HttpRequest): "GET" | "PUT" {
  if (method === "GET" || method === "HEAD") return "GET";
  if (method !== "PUT") throw new Refusal({ kind: "method-not-allowed", allow: "GET, HEAD, PUT" });
  if (headers.has("x-forwarded-for")) throw new Refusal({ kind: "token-forwarded" });
  return "PUT";
}

function segmentsOf({ target }: HttpRequest, seen: Seen): readonly string[] {
  const path = canonicalPath(target);
  if (path.kind === "malformed") throw new Refusal({ kind: "malformed-request", reason: path.reason });
  if (path.kind === "unknown") throw new Refusal({ kind: "path-unknown" });
  seen.path = `/${path.segments.join("/")}`;
  return path.segments;
}

function routeOf(method: "GET" | "PUT", segments: readonly string[]): Route | undefined {
  const route = findRoute(method, segments);
  if (method === "GET" && findRoute("PUT", segments)) throw new Refusal({ kind: "method-not-allowed", allow: "PUT" });
  return route;
}

/** @returns the token's seconds left, or undefined when there was none and none is required */
function checkToken(parts: MetadataServiceParts, { headers }: HttpRequest, { workload }: Binding): number | undefined {
  const values = headers.get("x-aws-ec2-metadata-token");
  if (values === undefined) {
    if (parts.metadataTokens === "required") throw new Refusal({ kind: "token-missing" });
    return undefined;
  }
  const [token = ""] = values;
  const left = values.length === 1 && parts.tokens.remainingMs(token, workloadKey(workload), parts.now());
  if (!left) throw new Refusal({ kind: "token-invalid" });
  return Math.ceil(left / 1000);
}

const withSecondsLeft = (response: HttpResponse, seconds: number | undefined): HttpResponse =>
  seconds === undefined
    ? response
    : { ...response, headers: [...response.headers, [TOKEN_SECONDS_HEADER, String(seconds)]] };
