import type { Broker } from "../broker/broker.ts";
import type { BrokerEvents } from "../broker/broker-events.ts";
import type { Binding } from "../broker/workload-resolver.ts";
import type { EpochMs } from "../core/credentials.ts";
import { Refusal } from "../core/failure.ts";
import { canonicalPath } from "../core/metadata-path.ts";
import type { PathPolicy } from "../core/path-policy.ts";
import { type TokenDemand, tokenDemandOf } from "../core/token-demand.ts";
import type { Workload } from "../core/workload.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "../http/http-message.ts";
import { type ContainerCredentials, checkAuthorization } from "./container-credentials.ts";
import { failureResponse } from "./failure-response.ts";
import { type Handler, handlers, TOKEN_SECONDS_HEADER } from "./handlers.ts";
import type { ReadUpstream } from "./host-documents.ts";
import type { MetadataTokens } from "./metadata-token.ts";
import { findRoute, type Route, type RouteAuth, type RouteName, type RouteQuery } from "./routes.ts";
import { authorityOf, type Surface, surfacesOf } from "./surface.ts";
import type { TokenScopes } from "./token-scopes.ts";
import { workloadPaths } from "./workload-paths.ts";

export interface MetadataServiceParts {
  readonly broker: Broker;
  readonly tokens: MetadataTokens;
  readonly scopes: TokenScopes;
  /** "required" refuses who asks without a metadata token; a wrong one is refused in any case. */
  readonly metadataTokens: TokenDemand;
  readonly containerCredentials: ContainerCredentials;
  /** What the operator lets workloads see of the host's metadata. */
  readonly paths: PathPolicy;
  readonly readUpstream: ReadUpstream;
  readonly events: Pick<BrokerEvents, "refused">;
  readonly now: () => EpochMs;
}

/**
 * The container-facing surface: one request in, one answer out, nothing kept
 * between. Each step may refuse, and then none of the later ones happens.
 */
export function metadataService(parts: MetadataServiceParts): HttpHandler {
  const handle = handlers({ ...parts, pathsOf: workloadPaths(parts.paths) });
  return async (request) => {
    const seen: Seen = { surface: "metadata" };
    try {
      return await answer({ parts, handle, request, seen });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      parts.events.refused({ peerAddress: request.peer.address, failure: error.failure, cause: error.cause, ...seen });
      const context = { surface: seen.surface, at: parts.now() };
      const response = failureResponse(error.failure, context);
      const secondsLeft = response.status === 200 ? seen.secondsLeft : undefined;
      return onBinding(withSecondsLeft(response, secondsLeft), request, seen.binding);
    }
  };
}

/** What is known of the request so far, for the line that tells of its refusal. */
interface Seen {
  surface: Surface;
  path?: string;
  workload?: Workload;
  binding?: Binding;
  /** Of the metadata token, once it is found good. */
  secondsLeft?: number | undefined;
}

interface Step {
  readonly parts: MetadataServiceParts;
  readonly handle: Readonly<Record<RouteName, Handler>>;
  readonly request: HttpRequest;
  readonly seen: Seen;
}

async function answer({ parts, handle, request, seen }: Step): Promise<HttpResponse> {
  const surfaces = surfacesAsked(parts, request);
  seen.surface = surfaces[0] ?? seen.surface;
  const method = methodOf(request);
  const segments = segmentsOf(request, seen);
  const route = routeOf({ method, surfaces, segments });
  seen.surface = route?.surface ?? seen.surface;
  const binding = await parts.broker.identify(request.peer);
  seen.binding = binding;
  seen.workload = binding.workload;
  seen.secondsLeft = checkAuth(route?.auth ?? defaultAuth(method, seen.surface), { parts, request, binding });
  if (!route) throw new Refusal({ kind: "path-unknown" });
  const response = await handle[route.name]({ request, segments, binding });
  return onBinding(withSecondsLeft(response, seen.secondsLeft), request, binding);
}

/** On a metadata path that is none, a token is still looked at: who has a bad one learns that first. */
const defaultAuth = (method: "GET" | "PUT", surface: Surface): RouteAuth =>
  method === "GET" && surface === "metadata" ? "token" : "open";

/** The answer goes out only on the binding it was made for, and to a HEAD without its body. */
const onBinding = (response: HttpResponse, { method }: HttpRequest, binding: Binding | undefined): HttpResponse => ({
  ...response,
  omitBody: method === "HEAD",
  ...(binding && { mayBeSent: () => binding.isCurrent() }),
});

/** @returns the likelier first; both where the Host does not tell, and then the path does */
function surfacesAsked(parts: MetadataServiceParts, { headers, target }: HttpRequest): readonly Surface[] {
  const host = authorityOf(target) ?? headers.get("host")?.[0];
  const named = surfacesOf(host) ?? [];
  const surfaces = parts.containerCredentials === "off" ? named.filter((name) => name !== "credentials") : named;
  if (surfaces.length === 0) throw new Refusal({ kind: "host-not-allowed", host: host ?? "" });
  return surfaces;
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

function routeOf(query: RouteQuery): Route | undefined {
  const route = findRoute(query);
  if (query.method === "GET" && findRoute({ ...query, method: "PUT" })) {
    throw new Refusal({ kind: "method-not-allowed", allow: "PUT" });
  }
  return route;
}

interface AuthStep {
  readonly parts: MetadataServiceParts;
  readonly request: HttpRequest;
  readonly binding: Binding;
}

/** @returns the metadata token's seconds left, or undefined where none was looked at */
function checkAuth(auth: RouteAuth, { parts, request, binding }: AuthStep): number | undefined {
  if (auth === "token") return checkToken(parts, request, binding);
  if (auth === "authorization" && parts.containerCredentials === "token") checkAuthorization(request, binding.workload);
  return undefined;
}

/** @returns the token's seconds left, or undefined when there was none and none is required */
function checkToken(parts: MetadataServiceParts, { headers }: HttpRequest, { workload }: Binding): number | undefined {
  const values = headers.get("x-aws-ec2-metadata-token");
  if (values === undefined) {
    if (tokenDemandOf(workload, parts.metadataTokens) === "required") throw new Refusal({ kind: "token-missing" });
    return undefined;
  }
  const [token = ""] = values;
  const left = values.length === 1 && parts.tokens.remainingMs(token, parts.scopes.of(workload), parts.now());
  if (!left) throw new Refusal({ kind: "token-invalid" });
  return Math.ceil(left / 1000);
}

const withSecondsLeft = (response: HttpResponse, seconds: number | undefined): HttpResponse =>
  seconds === undefined
    ? response
    : { ...response, headers: [...response.headers, [TOKEN_SECONDS_HEADER, String(seconds)]] };
