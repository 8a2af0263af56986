import type { EpochMs } from "../core/credentials.ts";
import type { HostCredentials } from "./host-credentials.ts";
import { header, type MockAnswer, type MockRequest, splitTarget } from "./http-exchange.ts";
import { instanceDocuments } from "./instance-documents.ts";
import { parseMetadataTarget } from "./metadata-target.ts";
import { type MetadataTokens, parseTtl } from "./metadata-token.ts";
import { METADATA_VERSIONS, type MetadataDirectory, type MetadataNode, versionTree } from "./metadata-tree.ts";
import type { World } from "./world.ts";

/** `v2-only` is EC2's "HttpTokens: required". */
export type MetadataMode = "v1-and-v2" | "v2-only";

export interface MetadataServiceOptions {
  readonly world: () => World;
  readonly mode: MetadataMode;
  readonly tokens: MetadataTokens;
  readonly credentials: HostCredentials;
  readonly now: () => EpochMs;
  readonly launchedAt: EpochMs;
}

const TOKEN_HEADER = "x-aws-ec2-metadata-token";
const TTL_HEADER = "X-aws-ec2-metadata-token-ttl-seconds";

/**
 * The instance metadata service, both versions.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
 */
export class MetadataService {
  readonly #options: MetadataServiceOptions;

  constructor(options: MetadataServiceOptions) {
    this.#options = options;
  }

  answer(request: MockRequest): MockAnswer {
    const target = parseMetadataTarget(request.target);
    if (target.kind === "refused") return errorPage(target.status);
    const { segments } = target;
    switch (request.method) {
      case "PUT":
        return this.#put(request, segments);
      case "GET":
      case "HEAD":
        return this.#get(request, segments);
      default:
        return errorPage(405, [["Allow", "GET, HEAD, PUT"]]);
    }
  }

  /** Tokens are handed out under `latest` alone, and to nobody behind a proxy. */
  #put(request: MockRequest, segments: readonly string[]): MockAnswer {
    const [version = ""] = segments;
    if (
      !isTokenPath(segments) ||
      splitTarget(request.target).path.endsWith("/") ||
      !METADATA_VERSIONS.includes(version)
    ) {
      return errorPage(404);
    }
    if (version !== "latest" || request.headers.has("x-forwarded-for")) return errorPage(403);
    const ttlSeconds = parseTtl(onlyValue(request, TTL_HEADER.toLowerCase()));
    if (ttlSeconds === undefined) return errorPage(400);
    const token = this.#options.tokens.issue(this.#options.now() + ttlSeconds * 1000);
    return this.#text(token, [[TTL_HEADER, String(ttlSeconds)]]);
  }

  #get(request: MockRequest, segments: readonly string[]): MockAnswer {
    if (isTokenPath(segments)) return errorPage(405, [["Allow", "PUT"]]);
    const admission = this.#admit(request);
    if (admission === "refused") return errorPage(401);
    const node = this.#find(segments);
    if (node === undefined) return errorPage(404);
    const ttl: MockAnswer["headers"] = admission === "open" ? [] : [[TTL_HEADER, String(admission.ttlSeconds)]];
    if (segments.length === 1 && typeof node === "object") return this.#text(namesIn(node).join("\n"), ttl);
    return segments[1] === "user-data" ? this.#bytes(contentOf(node), ttl) : this.#text(contentOf(node), ttl);
  }

  /** A token that was presented must be good, even where none is needed. */
  #admit(request: MockRequest): { readonly ttlSeconds: number } | "open" | "refused" {
    const { mode, tokens, now } = this.#options;
    if (!request.headers.has(TOKEN_HEADER)) return mode === "v2-only" ? "refused" : "open";
    const remainingMs = tokens.remainingMs(onlyValue(request, TOKEN_HEADER) ?? "", now());
    return remainingMs === undefined ? "refused" : { ttlSeconds: Math.ceil(remainingMs / 1000) };
  }

  #find(segments: readonly string[]): MetadataNode {
    const [version, ...names] = segments;
    if (version === undefined) return METADATA_VERSIONS.join("\n");
    if (!METADATA_VERSIONS.includes(version)) return undefined;
    const { world, credentials, launchedAt } = this.#options;
    const { instance } = world();
    const documents = instanceDocuments({ instance, launchedAt, credentials });
    return names.reduce<MetadataNode>(childOf, versionTree(instance, documents));
  }

  #text(body: string, more: MockAnswer["headers"]): MockAnswer {
    return { status: 200, headers: [...more, ["Content-Type", "text/plain"], ...this.#stamp()], body };
  }

  #bytes(body: string, more: MockAnswer["headers"]): MockAnswer {
    return { status: 200, headers: [...more, ["Content-Type", "application/octet-stream"], ...this.#stamp()], body };
  }

  #stamp(): MockAnswer["headers"] {
    return [
      ["Accept-Ranges", "none"],
      ["Last-Modified", new Date(this.#options.launchedAt).toUTCString()],
    ];
  }
}

const isTokenPath = (segments: readonly string[]): boolean =>
  segments.length === 3 && segments[1] === "api" && segments[2] === "token";

/** Undefined when the field is absent or repeated: then nobody can say which value counts. */
function onlyValue({ headers }: MockRequest, name: string): string | undefined {
  const values = headers.get(name) ?? [];
  return values.length === 1 ? header({ headers }, name) : undefined;
}

/** Case-sensitive, and never more than what a directory itself holds ("constructor" is no entry). */
function childOf(node: MetadataNode, name: string): MetadataNode {
  if (typeof node !== "object") return undefined;
  if (Object.hasOwn(node, name)) return node[name];
  const labelled = Object.keys(node).find((key) => /^\d+=/.test(key) && key.startsWith(`${name}=`));
  return labelled === undefined ? undefined : node[labelled];
}

function contentOf(node: Exclude<MetadataNode, undefined>): string {
  if (typeof node === "object") return listing(node);
  return typeof node === "string" ? node : node();
}

/** One entry a line, directories with a slash, no line feed at the end. A version's own list has no slashes. */
const listing = (directory: MetadataDirectory): string =>
  namesIn(directory)
    .map((name) => (typeof directory[name] === "object" && !/^\d+=/.test(name) ? `${name}/` : name))
    .join("\n");

const namesIn = (directory: MetadataDirectory): string[] =>
  Object.keys(directory)
    .filter((name) => directory[name] !== undefined)
    .sort();

const TITLES = {
  400: "400 - Bad Request",
  401: "401 - Unauthorized",
  403: "403 - Forbidden",
  404: "404 - Not Found",
  405: "405 - Method Not Allowed",
} as const;

const errorPage = (status: keyof typeof TITLES, more: MockAnswer["headers"] = []): MockAnswer => ({
  status,
  headers: [...more, ["Content-Type", "text/html"]],
  body: `<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
	"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>${TITLES[status]}</title>
 </head>
 <body>
  <h1>${TITLES[status]}</h1>
 </body>
</html>
`,
});
