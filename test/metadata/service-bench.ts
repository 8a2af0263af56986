import { CredentialBroker } from "../../src/broker/broker.ts";
import { observed, type RefusedRequest } from "../../src/broker/broker-events.ts";
import type { Binding } from "../../src/broker/workload-resolver.ts";
import type { Credentials } from "../../src/core/credentials.ts";
import { type MetadataPaths, pathPolicy } from "../../src/core/path-policy.ts";
import type { Workload } from "../../src/core/workload.ts";
import type { HttpRequest, HttpResponse } from "../../src/http/http-message.ts";
import { sleep } from "../../src/kit/sleep.ts";
import type { ContainerCredentials } from "../../src/metadata/container-credentials.ts";
import { metadataService } from "../../src/metadata/metadata-service.ts";
import { MetadataTokens } from "../../src/metadata/metadata-token.ts";
import { TokenScopes } from "../../src/metadata/token-scopes.ts";
import { sessionCache } from "../support/sessions.ts";
import { ANY_ROLE, clock, credentials, peer, workload } from "../support/workloads.ts";

export const RED = "10.0.0.1";
export const BLUE = "10.0.0.2";
export const PLAIN = "10.0.0.3";
export const BROKEN = "10.0.0.4";
export const CREDENTIALS = "/latest/meta-data/iam/security-credentials";

/** The host's own metadata, generous: whatever path is asked for, it has something. */
const UPSTREAM: Readonly<Record<string, string>> = {
  "": "1.0\n2021-03-23\n2099-01-01\nlatest",
  "1.0": "dynamic\nmeta-data\nuser-data",
  "1.0/dynamic": "fws/",
  latest: "dynamic\nmeta-data\nuser-data",
  "latest/meta-data":
    "ami-id\niam/\nidentity-credentials/\ninstance-id\nmanaged-ssh-keys/\nplacement/\npublic-keys/\nservices/",
  "latest/meta-data/instance-id": "i-0123456789abcdef0",
  "latest/meta-data/placement": "availability-zone\nregion",
  "latest/meta-data/placement/region": "eu-west-1",
  "latest/meta-data/services": "domain\npartition",
  "latest/dynamic": "fws/\ninstance-identity/",
  "latest/dynamic/instance-identity": "document\npkcs7\nsignature",
  "latest/user-data": "#!/bin/sh",
};

interface Given {
  readonly metadataTokens?: "required" | "optional";
  readonly containerCredentials?: ContainerCredentials;
  readonly paths?: Partial<MetadataPaths>;
  readonly issue?: () => Promise<Credentials>;
  /** What the red workload says of itself besides its role. */
  readonly red?: Pick<Workload, "pathsClaim" | "authorizationDigest">;
}

/** The service of four workloads over a generous host, without a socket. */
export function bench({
  metadataTokens = "required",
  containerCredentials = "open",
  paths = {},
  issue,
  red,
}: Given = {}) {
  const time = clock();
  const refusals: RefusedRequest[] = [];
  const upstreamAsked: string[] = [];
  const ended = new Set<string>();
  const bindings = new Map<string, Binding>(
    [
      [RED, { ...workload("red", "team/red-role"), ...red }] as const,
      [BLUE, workload("blue", "blue-role")] as const,
      [PLAIN, workload("plain")] as const,
      [BROKEN, workload("broken", "not a role")] as const,
    ].map(([address, of]) => [address, { address, workload: of, isCurrent: () => !ended.has(address) }]),
  );
  const broker = new CredentialBroker({
    resolver: { source: "test", resolve: ({ address }) => Promise.resolve(bindings.get(address)) },
    cache: sessionCache(issue ?? ((grant) => Promise.resolve(credentials(grant.roleName, time.now()))), time),
    settings: ANY_ROLE,
    home: () => Promise.resolve({ partition: "aws", accountId: "111122223333" }),
    sleep,
    onRoleLost: () => {},
    uptime: time.now,
    waitForStsMs: 20,
  });
  const handle = metadataService({
    broker: observed(broker, { handedOut: () => {} }),
    tokens: new MetadataTokens(Buffer.alloc(32, 7)),
    scopes: new TokenScopes(),
    metadataTokens,
    containerCredentials,
    paths: pathPolicy({ allow: [], deny: [], ...paths }),
    readUpstream: (version, path) => {
      const asked = [version, ...path].filter(Boolean).join("/");
      upstreamAsked.push(asked);
      const found = UPSTREAM[asked];
      return Promise.resolve(found === undefined ? undefined : Buffer.from(found));
    },
    events: { refused: (event) => refusals.push(event) },
    now: time.now,
  });
  const send = (
    method: string,
    target: string,
    { peerAddress = RED, ...more }: Partial<Omit<HttpRequest, "headers">> & Sent = {},
  ) =>
    handle({
      method,
      target,
      version: "1.1",
      peer: peer(peerAddress),
      ...more,
      headers: fields(more.headers),
    });
  const token = async (peerAddress = RED, seconds = "21600") =>
    text(await send("PUT", "/latest/api/token", { peerAddress, headers: { [TTL]: seconds } }));
  const get = async (target: string, { peerAddress = RED, method = "GET", headers = {} as Headers } = {}) =>
    send(method, target, {
      peerAddress,
      headers: { "x-aws-ec2-metadata-token": await token(peerAddress), ...headers },
    });
  return { time, send, token, get, refusals, upstreamAsked, ended };
}

interface Sent {
  readonly peerAddress?: string;
  readonly headers?: Headers;
}
type Headers = Readonly<Record<string, string | readonly string[]>>;
export const TTL = "x-aws-ec2-metadata-token-ttl-seconds";
const fields = (headers: Headers = {}) =>
  new Map(Object.entries(headers).map(([name, value]) => [name, typeof value === "string" ? [value] : value]));
export const text = ({ body }: HttpResponse): string => Buffer.from(body).toString("latin1");
export const header = ({ headers }: HttpResponse, wanted: string): string | undefined =>
  headers.find(([name]) => name.toLowerCase() === wanted)?.[1];
