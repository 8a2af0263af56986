import { randomBytes, randomUUID } from "node:crypto";
import type { EpochMs } from "../core/credentials.ts";
import { HostCredentials } from "./host-credentials.ts";
import { type AnswerNote, type MockAnswer, type MockRequest, splitTarget } from "./http-exchange.ts";
import { type RunningServer, startHttpServer } from "./http-server.ts";
import { type MetadataMode, MetadataService } from "./metadata-service.ts";
import { MetadataTokens } from "./metadata-token.ts";
import { SessionKeys } from "./session-keys.ts";
import { MAX_STS_BODY_BYTES, Sts } from "./sts-service.ts";
import { hostRoleArn, openWorld, type World } from "./world.ts";

export interface ListenAddress {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
}

export interface MockEc2Options {
  /** Default: a free port of 127.0.0.1. */
  readonly metadataListen?: ListenAddress;
  /** Default: a free port of 127.0.0.1. */
  readonly stsListen?: ListenAddress;
  /** Default: both versions, as on an instance with "HttpTokens: optional". */
  readonly mode?: MetadataMode;
  /** Default: a host that may assume every role of every account. */
  readonly world?: World;
  /** What every key and token is derived from; the same seed knows them again. Default: another one each time. */
  readonly seed?: string;
  /** Default: the system's clock. */
  readonly now?: () => EpochMs;
  /** Default: six hours, as on EC2. A new set is there when half of it is over. */
  readonly hostCredentialsLifetimeMs?: number;
  readonly onRequest?: (event: MockEc2Event) => void;
}

/** One answered request. Holds no secret, no session token, no metadata token, and no query. */
export interface MockEc2Event extends AnswerNote {
  readonly at: EpochMs;
  readonly service: MockService;
  readonly method: string;
  readonly path: string;
  readonly peer: string;
  readonly status: number;
}

export type MockService = "metadata" | "sts";

/** EC2's metadata service and STS, running. */
export interface MockEc2 {
  /** What AWS_EC2_METADATA_SERVICE_ENDPOINT takes, without the slash that botocore before 2023 wants at its end. */
  readonly metadataUrl: string;
  /** What AWS_ENDPOINT_URL_STS takes; no slash at the end. */
  readonly stsUrl: string;
  /** The role in the instance profile, in the present world. */
  readonly hostRoleArn: string;
  /** Takes effect with the next request; keys already handed out stay good. */
  setWorld(world: World): void;
  close(): Promise<void>;
}

/** An address that could not be bound; `cause` is the system's own error. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly service: MockService;
  readonly address: ListenAddress;
  /** The system's, e.g. "EADDRINUSE". */
  readonly code: string;

  constructor(service: MockService, address: ListenAddress, cause: unknown) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
    super(`cannot listen on ${address.host} port ${address.port}: ${code}`, { cause });
    this.service = service;
    this.address = address;
    this.code = code;
  }
}

const SIX_HOURS_MS = 6 * 60 * 60_000;
const ANY_PORT: ListenAddress = { host: "127.0.0.1", port: 0 };

/** How each service speaks HTTP. The metadata service has no use for a body; what a client sends is read and forgotten. */
export const MANNERS = {
  metadata: { maxBodyBytes: 1024, closeAfterAnswer: true, serverName: "EC2ws" },
  sts: { maxBodyBytes: MAX_STS_BODY_BYTES, closeAfterAnswer: false },
} as const;

/** @throws ListenError when an address is taken; then nothing runs. */
export async function startMockEc2(options: MockEc2Options = {}): Promise<MockEc2> {
  let world = options.world ?? openWorld();
  const parts = mockParts(options, () => world);
  const metadata = await start("metadata", options, parts.metadata);
  const sts = await start("sts", options, parts.sts).catch(async (error: unknown) => {
    await metadata.close();
    throw error;
  });
  return {
    metadataUrl: metadata.url,
    stsUrl: sts.url,
    get hostRoleArn() {
      return hostRoleArn(world.instance);
    },
    setWorld: (next) => {
      world = next;
    },
    close: async () => void (await Promise.all([metadata.close(), sts.close()])),
  };
}

export interface Answering {
  answer(request: MockRequest): MockAnswer;
}

/** Without a running server: what each service answers. Those of one seed know each other's keys. */
export function mockParts(
  options: Pick<MockEc2Options, "now" | "seed" | "mode" | "hostCredentialsLifetimeMs">,
  world: () => World,
): Record<MockService, Answering> {
  const { now = Date.now, seed = randomBytes(32).toString("hex"), mode = "v1-and-v2" } = options;
  const keys = new SessionKeys(seed);
  const lifetimeMs = options.hostCredentialsLifetimeMs ?? SIX_HOURS_MS;
  const credentials = new HostCredentials({ keys, now, lifetimeMs });
  const tokens = new MetadataTokens(seed);
  return {
    metadata: new MetadataService({ world, mode, tokens, credentials, now, launchedAt: now() }),
    sts: new Sts({ world, keys, now, entropy: () => randomBytes(16), requestId: () => randomUUID() }),
  };
}

async function start(service: MockService, options: MockEc2Options, part: Answering): Promise<RunningServer> {
  const address = (service === "metadata" ? options.metadataListen : options.stsListen) ?? ANY_PORT;
  const { now = Date.now, onRequest = () => {} } = options;
  const answer = (request: MockRequest, peer: string): MockAnswer => {
    const given = part.answer(request);
    onRequest(eventOf({ service, request, peer, answer: given, at: now() }));
    return given;
  };
  try {
    return await startHttpServer({ ...address, ...MANNERS[service], now, answer });
  } catch (error) {
    throw new ListenError(service, address, error);
  }
}

interface Answered {
  readonly service: MockService;
  readonly request: MockRequest;
  readonly peer: string;
  readonly answer: MockAnswer;
  readonly at: EpochMs;
}

const eventOf = ({ service, request, peer, answer, at }: Answered): MockEc2Event => ({
  at,
  service,
  method: request.method,
  path: splitTarget(request.target).path,
  peer,
  status: answer.status,
  ...answer.note,
});
