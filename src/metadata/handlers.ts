import type { Broker } from "../broker/broker.ts";
import type { Binding } from "../broker/workload-resolver.ts";
import type { Credentials, EpochMs } from "../core/credentials.ts";
import { type Failure, Refusal } from "../core/failure.ts";
import { KNOWN_VERSIONS } from "../core/metadata-version.ts";
import type { HttpRequest, HttpResponse } from "../http/http-message.ts";
import { containerCredentials } from "./container-credentials.ts";
import { credentialsDocument, iamInfoDocument } from "./credentials-document.ts";
import { existing, hostDocument, linesOf, type ReadUpstream } from "./host-documents.ts";
import { listing } from "./listing.ts";
import { type MetadataTokens, tokenSeconds } from "./metadata-token.ts";
import type { RouteName } from "./routes.ts";
import { binaryResponse, textResponse } from "./text-response.ts";
import type { TokenScopes } from "./token-scopes.ts";
import type { PathsOf } from "./workload-paths.ts";

/** One request of one known workload, its path canonical, its token checked. */
export interface Asked {
  readonly request: HttpRequest;
  readonly segments: readonly string[];
  readonly binding: Binding;
}

export type Handler = (asked: Asked) => Promise<HttpResponse>;

export interface HandlerParts {
  readonly broker: Broker;
  readonly tokens: MetadataTokens;
  readonly scopes: TokenScopes;
  readonly readUpstream: ReadUpstream;
  readonly pathsOf: PathsOf;
  readonly now: () => EpochMs;
}

export const TOKEN_SECONDS_HEADER = "X-aws-ec2-metadata-token-ttl-seconds";

export const handlers = (parts: HandlerParts): Readonly<Record<RouteName, Handler>> =>
  table(parts, rememberedDocuments());

/** A session's document is the same each time it is asked for; it is forgotten with the session. */
function rememberedDocuments(): DocumentOf {
  const documents = new WeakMap<Credentials, string>();
  return (credentials) => {
    const known = documents.get(credentials);
    if (known !== undefined) return known;
    const document = credentialsDocument(credentials);
    documents.set(credentials, document);
    return document;
  };
}

type DocumentOf = (credentials: Credentials) => string;

const table = (parts: HandlerParts, documentOf: DocumentOf): Readonly<Record<RouteName, Handler>> => ({
  issueToken: ({ request, binding }) => Promise.resolve(issueToken(parts, request, binding)),
  refuseVersionedToken: () => Promise.reject(new Refusal({ kind: "token-path-versioned" })),
  refuseForbidden: ({ segments }) => Promise.reject(new Refusal(forbidden(segments))),

  async listVersions() {
    const listed = linesOf(await existing(parts.readUpstream("", [])));
    return textResponse(listed.filter((version) => KNOWN_VERSIONS.has(version)).join("\n"));
  },

  async listIam({ binding }) {
    await parts.broker.grantFor(binding.workload);
    return textResponse(listing(["info", "security-credentials/"]));
  },

  async iamInfo({ binding }) {
    const grant = await parts.broker.grantFor(binding.workload);
    return textResponse(iamInfoDocument({ ...grant, at: parts.now() }));
  },

  async listRole({ binding }) {
    return textResponse((await parts.broker.grantFor(binding.workload)).roleName);
  },

  async roleCredentials({ segments, binding }) {
    const until = parts.broker.deadline();
    const grant = await parts.broker.grantFor(binding.workload, until);
    const requested = segments.at(-1) ?? "";
    if (requested !== grant.roleName) {
      throw new Refusal({ kind: "role-mismatch", requested, granted: grant.roleName });
    }
    return textResponse(documentOf(await parts.broker.credentialsFor(binding, grant, until)));
  },

  upstream: (asked) => upstream(parts, asked),
  containerCredentials: (asked) => containerCredentials(parts.broker, asked),
});

function issueToken({ tokens, scopes, now }: HandlerParts, request: HttpRequest, { workload }: Binding): HttpResponse {
  const seconds = tokenSeconds(request.headers.get(TOKEN_SECONDS_HEADER.toLowerCase()));
  if (seconds === undefined) throw new Refusal({ kind: "token-ttl-invalid" });
  const token = textResponse(tokens.issue(scopes.of(workload), now() + seconds * 1000));
  return { ...token, headers: [...token.headers, [TOKEN_SECONDS_HEADER, String(seconds)]] };
}

/** Below `iam` there is only what taskrole makes itself. */
const forbidden = ([, ...below]: readonly string[]): Failure => ({
  kind: "path-forbidden",
  path: below.join("/"),
  because: "the host's role credentials",
});

async function upstream({ readUpstream, pathsOf, broker }: HandlerParts, asked: Asked): Promise<HttpResponse> {
  const [version = "", ...below] = asked.segments;
  const own = OWN_ENTRIES.get(below.join("/"));
  const ofHost = async () => hostDocument({ readUpstream, policy: pathsOf(asked.binding.workload), version }, below);
  if (own === undefined) return responseOf(below, await ofHost());
  const ofRole = (await hasRole(broker, asked.binding)) ? [own] : [];
  const shown = await ofHost().catch((error: unknown) => orNothing(error, ofRole));
  return textResponse(listing([...ofRole, ...(shown instanceof Uint8Array ? linesOf(shown) : shown)]));
}

/** What a listing of the host's has besides, for a workload that has a role. */
const OWN_ENTRIES: ReadonlyMap<string, string> = new Map([
  ["", "meta-data"],
  ["meta-data", "iam/"],
]);

/** Nothing of the host's may be shown: then the workload's own remains, if there is any. */
function orNothing(error: unknown, own: readonly string[]): readonly string[] {
  if (own.length > 0 && error instanceof Refusal && NOT_SHOWN.has(error.failure.kind)) return [];
  throw error;
}

const NOT_SHOWN: ReadonlySet<Failure["kind"]> = new Set(["path-blocked", "path-unknown", "bad-paths"]);

function responseOf(path: readonly string[], document: Uint8Array | readonly string[]): HttpResponse {
  if (!(document instanceof Uint8Array)) return textResponse(listing(document));
  return path[0] === "user-data" ? binaryResponse(document) : textResponse(document);
}

/** "iam/" is listed for whoever may fetch what is below it. */
const hasRole = (broker: Broker, { workload }: Binding): Promise<boolean> =>
  broker.grantFor(workload).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Refusal && WITHOUT_ROLE.has(error.failure.kind)) return false;
      throw error;
    },
  );

const WITHOUT_ROLE: ReadonlySet<Failure["kind"]> = new Set(["no-role", "bad-role"]);
