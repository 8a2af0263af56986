import type { Broker } from "../broker/broker.ts";
import type { Binding } from "../broker/workload-resolver.ts";
import { type AllowedPath, allowanceOf } from "../core/allowed-paths.ts";
import type { Credentials, EpochMs } from "../core/credentials.ts";
import { Refusal } from "../core/failure.ts";
import type { Grant } from "../core/grant.ts";
import { KNOWN_VERSIONS } from "../core/metadata-version.ts";
import { workloadKey } from "../core/workload.ts";
import type { HttpRequest, HttpResponse } from "../http/http-message.ts";
import { credentialsDocument, iamInfoDocument } from "./credentials-document.ts";
import { filteredListing, listing } from "./listing.ts";
import { type MetadataTokens, tokenSeconds } from "./metadata-token.ts";
import type { RouteName } from "./routes.ts";
import { textResponse } from "./text-response.ts";

/** One request of one known workload, its path canonical, its token checked. */
export interface Asked {
  readonly request: HttpRequest;
  readonly segments: readonly string[];
  readonly binding: Binding;
}

export type Handler = (asked: Asked) => Promise<HttpResponse>;

/** Reads the host's metadata under one version ("" and [] for the list of versions). Undefined is upstream's 404. */
export type ReadUpstream = (version: string, path: AllowedPath | readonly []) => Promise<Uint8Array | undefined>;

export interface HandlerParts {
  readonly broker: Broker;
  readonly tokens: MetadataTokens;
  readonly readUpstream: ReadUpstream;
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
  refuseUnknown: () => Promise.reject(new Refusal({ kind: "path-unknown" })),

  async listVersions() {
    const upstream = text(await existing(parts.readUpstream("", [])));
    return textResponse(filteredListing(upstream, KNOWN_VERSIONS).join("\n"));
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
    const grant = await parts.broker.grantFor(binding.workload);
    const requested = segments.at(-1) ?? "";
    if (requested !== grant.roleName) {
      throw new Refusal({ kind: "role-mismatch", requested, granted: grant.roleName });
    }
    return textResponse(documentOf(await parts.broker.credentialsFor(binding, grant)));
  },

  upstream: (asked) => upstream(parts, asked),
});

function issueToken({ tokens, now }: HandlerParts, request: HttpRequest, { workload }: Binding): HttpResponse {
  const seconds = tokenSeconds(request.headers.get(TOKEN_SECONDS_HEADER.toLowerCase()));
  if (seconds === undefined) throw new Refusal({ kind: "token-ttl-invalid" });
  const token = textResponse(tokens.issue(workloadKey(workload), now() + seconds * 1000));
  return { ...token, headers: [...token.headers, [TOKEN_SECONDS_HEADER, String(seconds)]] };
}

async function upstream(parts: HandlerParts, { segments, binding }: Asked): Promise<HttpResponse> {
  const [version = "", ...below] = segments;
  const allowance = allowanceOf(below);
  if (!allowance) throw new Refusal({ kind: "path-blocked", path: below.join("/") });
  const body = await existing(parts.readUpstream(version, allowance.path));
  if (allowance.kind === "document") return textResponse(body);
  const entries = filteredListing(text(body), allowance.children);
  const role = below.join("/") === "meta-data" ? await roleEntry(parts.broker, binding) : [];
  return textResponse(listing([...entries, ...role]));
}

/** "iam/" is listed for whoever may fetch what is below it. */
async function roleEntry(broker: Broker, binding: Binding): Promise<readonly string[]> {
  const grant = await broker.grantFor(binding.workload).catch(withoutRole);
  return grant ? ["iam/"] : [];
}

function withoutRole(error: unknown): Grant | undefined {
  if (error instanceof Refusal && (error.failure.kind === "no-role" || error.failure.kind === "bad-role")) {
    return undefined;
  }
  throw error;
}

async function existing(document: Promise<Uint8Array | undefined>): Promise<Uint8Array> {
  const body = await document;
  if (!body) throw new Refusal({ kind: "path-unknown" });
  return body;
}

const text = (body: Uint8Array): string => Buffer.from(body).toString("utf8");
