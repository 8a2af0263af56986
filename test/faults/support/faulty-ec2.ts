import { randomBytes } from "node:crypto";
import type { EpochMs } from "../../../src/core/credentials.ts";
import { utcSeconds } from "../../../src/core/utc-seconds.ts";
import { type MockAnswer, type MockRequest, splitTarget } from "../../../src/mock-ec2/http-exchange.ts";
import { MANNERS, mockParts } from "../../../src/mock-ec2/mock-ec2.ts";
import { openWorld } from "../../../src/mock-ec2/world.ts";
import { FaultyServer } from "./faulty-server.ts";

/** A call that reached STS, whatever came of it. */
export interface StsCall {
  readonly at: EpochMs;
  readonly roleName: string;
  readonly sessionName: string;
  /** As it was to be sent: the wire may have kept it. */
  readonly status: number;
}

export interface FaultyEc2Options {
  /** How long a session of this role really lasts, in seconds; undefined: as long as was asked for. */
  readonly lifeSeconds?: (roleName: string) => number | undefined;
  /** Default: six hours, as on EC2. */
  readonly hostCredentialsLifetimeMs?: number;
}

const SEVEN_HOURS_MS = 7 * 60 * 60_000;
export const HOST_CREDENTIALS_PATH = "/latest/meta-data/iam/security-credentials/";

/** EC2's metadata service and STS as mock-ec2 answers them, signatures checked, each with a wire and a clock that fail on command. */
export class FaultyEc2 {
  readonly sts: FaultyServer;
  readonly metadata: FaultyServer;
  readonly calls: StsCall[] = [];
  /** The role of each session handed out, by its access key id. */
  readonly sessions = new Map<string, string>();
  /** Every secret access key, session token and metadata token ever sent, of sessions and of the host. */
  readonly secrets = new Set<string>();
  /** The access key ids of the host's own role. */
  readonly hostKeyIds = new Set<string>();
  /** By how much STS's clock is ahead. */
  stsClockAheadMs = 0;
  /** The metadata service goes on delivering a set of the host's keys that has ended. */
  deliversExpiredKeys = false;
  readonly #options: FaultyEc2Options;

  constructor(options: FaultyEc2Options = {}) {
    this.#options = options;
    const seed = randomBytes(16).toString("hex");
    const world = openWorld();
    const { hostCredentialsLifetimeMs } = options;
    const partsAt = (now: () => EpochMs) =>
      mockParts({ seed, now, ...(hostCredentialsLifetimeMs && { hostCredentialsLifetimeMs }) }, () => world);
    const stsNow = () => Date.now() + this.stsClockAheadMs;
    const [present, past, sts] = [Date.now, () => Date.now() - SEVEN_HOURS_MS, stsNow].map(partsAt);
    if (!present || !past || !sts) throw new Error("three clocks make three sets of parts");
    this.sts = new FaultyServer({
      manner: { ...MANNERS.sts, now: stsNow },
      answer: (request) => this.#withLife(sts.sts.answer(request), request),
      onAnswer: (request, answer) => this.#noteSts(request, answer),
    });
    this.metadata = new FaultyServer({
      manner: { ...MANNERS.metadata, now: Date.now },
      answer: (request) => {
        const isOfPast = this.deliversExpiredKeys && isForHostKeys(request);
        return (isOfPast ? past : present).metadata.answer(request);
      },
      onAnswer: (request, answer) => this.#noteMetadata(request, answer),
    });
  }

  async listen(): Promise<this> {
    await Promise.all([this.sts.listen(), this.metadata.listen()]);
    return this;
  }

  async close(): Promise<void> {
    await Promise.all([this.sts.close(), this.metadata.close()]);
  }

  /** Calls since a moment. */
  callsSince(at: EpochMs): readonly StsCall[] {
    return this.calls.filter((call) => call.at >= at);
  }

  #withLife(answer: MockAnswer, request: MockRequest): MockAnswer {
    const seconds = this.#options.lifeSeconds?.(parametersIn(request).roleName);
    if (seconds === undefined) return answer;
    const end = utcSeconds(Date.now() + this.stsClockAheadMs + seconds * 1000);
    return { ...answer, body: answer.body.replace(/(<Expiration>)[^<]*/, `$1${end}`) };
  }

  #noteSts(request: MockRequest, { status, body }: MockAnswer): void {
    const { roleName, sessionName } = parametersIn(request);
    this.calls.push({ at: Date.now(), roleName, sessionName, status });
    const [, keyId] = /<AccessKeyId>([^<]*)/.exec(body) ?? [];
    if (keyId !== undefined) this.sessions.set(keyId, roleName);
    for (const [, secret = ""] of body.matchAll(/<(?:SecretAccessKey|SessionToken)>([^<]*)/g)) this.secrets.add(secret);
  }

  #noteMetadata({ method }: MockRequest, { status, body }: MockAnswer): void {
    if (method === "PUT" && status === 200 && /^[\w=+/-]{20,}$/.test(body)) this.secrets.add(body);
    const [, keyId] = /"AccessKeyId" : "([^"]*)/.exec(body) ?? [];
    if (keyId !== undefined) this.hostKeyIds.add(keyId);
    for (const [, secret = ""] of body.matchAll(/"(?:SecretAccessKey|Token)" : "([^"]*)/g)) this.secrets.add(secret);
  }
}

export const isForHostKeys = ({ target }: MockRequest): boolean =>
  splitTarget(target).path.startsWith(HOST_CREDENTIALS_PATH);

function parametersIn({ body }: MockRequest): { readonly roleName: string; readonly sessionName: string } {
  const form = new URLSearchParams(Buffer.from(body).toString("utf8"));
  const roleArn = form.get("RoleArn") ?? "";
  return { roleName: roleArn.slice(roleArn.lastIndexOf("/") + 1), sessionName: form.get("RoleSessionName") ?? "" };
}
