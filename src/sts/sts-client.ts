import {
  AssumeRoleCommand,
  type AssumeRoleCommandInput,
  type AssumeRoleCommandOutput,
  GetCallerIdentityCommand,
  STSClient,
  type STSClientConfig,
} from "@aws-sdk/client-sts";
import { TIMED_OUT, withDeadline } from "../kit/deadline.ts";
import { sleep } from "../kit/sleep.ts";
import { type StsAgents, stsAgents } from "./sts-agents.ts";
import type { StsEnvironment } from "./sts-environment.ts";

/** What signs the calls: the host's execution role. */
export interface SigningCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
}

export interface StsClientOptions {
  readonly region: string;
  /** Undefined: the environment's, else the region's own, by the SDK's rules. */
  readonly endpoint: string | undefined;
  readonly environment: StsEnvironment;
  /** How long a connection, or a proxy's, may take. */
  readonly connectMs: number;
}

/** One call: who signs it, and how long it may take in all. */
export interface Exchange {
  readonly signing: SigningCredentials;
  readonly withinMs: number;
}

/** STS accepted the connection and did not answer, or not to the end. */
class StsSilence extends Error {
  readonly code = "answer-timeout";
}

/**
 * AWS's own SDK, one attempt a call: when to try again is decided by who knows what the failure means. So the SDK's own
 * retries are off, with their delays, their budget that all calls share and that an outage empties, and their mode that
 * a variable of the environment could turn into one that waits before it sends.
 *
 * A client signs with fixed keys, and another takes its place when the host's keys were renewed: which keys STS
 * refused is then known for certain.
 */
export class StsClient {
  readonly #options: StsClientOptions;
  readonly #agents: StsAgents;
  #client: STSClient | undefined;
  #signsWith = "";

  constructor(options: StsClientOptions) {
    this.#options = options;
    this.#agents = stsAgents(options.environment, options.connectMs);
  }

  /** @throws what the SDK throws, or `code: answer-timeout` */
  assumeRole(input: AssumeRoleCommandInput, exchange: Exchange): Promise<AssumeRoleCommandOutput> {
    return this.#within(exchange, (client, abortSignal) => client.send(new AssumeRoleCommand(input), { abortSignal }));
  }

  /** Needs no permission of the host's role. https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html */
  async callerArn(exchange: Exchange): Promise<string | undefined> {
    const { Arn } = await this.#within(exchange, (client, abortSignal) =>
      client.send(new GetCallerIdentityCommand(), { abortSignal }),
    );
    return Arn;
  }

  /** By the SDK's own rules for regions, partitions, FIPS and dual-stack. */
  endpoint(): string {
    const { useFipsEndpoint: UseFIPS, useDualstackEndpoint: UseDualStack } = this.#variant();
    const parameters = { Region: this.#options.region, UseFIPS, UseDualStack, UseGlobalEndpoint: false };
    return this.#chosen() ?? this.#current().config.endpointProvider(parameters).url.origin;
  }

  /** What the SDK adds to this host's clock when it signs: by how much STS's, in its last answer, was ahead of it. */
  get clockOffsetMs(): number {
    return this.#client?.config.systemClockOffset ?? 0;
  }

  dropIdle(): void {
    this.#agents.dropIdle();
  }

  close(): void {
    this.#agents.close();
  }

  /** The abort frees the connection; the deadline holds even where the abort is not heard (the wait for a proxy). */
  async #within<T>(
    { signing, withinMs }: Exchange,
    send: (client: STSClient, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const abort = new AbortController();
    const answer = await withDeadline(send(this.#current(signing), abort.signal), withinMs, sleep);
    if (answer !== TIMED_OUT) return answer;
    abort.abort();
    throw new StsSilence(`STS did not answer within ${withinMs} ms`);
  }

  #current(signing?: SigningCredentials): STSClient {
    if (this.#client && (!signing || signing.accessKeyId === this.#signsWith)) return this.#client;
    const { accessKeyId = "", secretAccessKey = "", sessionToken = "" } = signing ?? {};
    this.#client = new STSClient({
      ...this.#config(),
      systemClockOffset: this.clockOffsetMs,
      credentials: { accessKeyId, secretAccessKey, sessionToken },
    });
    this.#signsWith = accessKeyId;
    return this.#client;
  }

  #chosen(): string | undefined {
    return this.#options.endpoint ?? this.#options.environment.endpoint;
  }

  /** An endpoint that was chosen is what it is; the SDK refuses to make another kind of it. */
  #variant(): Pick<StsEnvironment, "useFipsEndpoint" | "useDualstackEndpoint"> {
    if (this.#chosen() !== undefined) return { useFipsEndpoint: false, useDualstackEndpoint: false };
    const { useFipsEndpoint, useDualstackEndpoint } = this.#options.environment;
    return { useFipsEndpoint, useDualstackEndpoint };
  }

  /** All that the SDK would look up in the environment or in ~/.aws is said here, so that it does not look. */
  #config(): STSClientConfig {
    const { region, connectMs } = this.#options;
    const endpoint = this.#chosen();
    return {
      region,
      ...(endpoint !== undefined && { endpoint }),
      ignoreConfiguredEndpointUrls: true,
      ...this.#variant(),
      maxAttempts: 1,
      retryMode: "standard",
      defaultsMode: "standard",
      authSchemePreference: [],
      sigv4aSigningRegionSet: [],
      userAgentAppId: "taskrole",
      requestHandler: {
        connectionTimeout: connectMs,
        httpAgent: this.#agents.http,
        httpsAgent: this.#agents.https,
        logger: SILENT,
      },
    };
  }
}

/** The SDK would write to the daemon's output by itself. */
const SILENT = { trace: () => {}, debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
