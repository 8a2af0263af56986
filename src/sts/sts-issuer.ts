import type { STSClient } from "@aws-sdk/client-sts";
import type { CredentialIssuer } from "../broker/credential-issuer.ts";
import type { Credentials, EpochMs } from "../core/credentials.ts";
import { Refusal } from "../core/failure.ts";
import type { Grant } from "../core/grant.ts";
import { stsRefusal } from "./sts-failure.ts";

export interface StsOptions {
  /** Read when first needed. @throws Refusal `upstream-unavailable` */
  readonly region: () => Promise<string>;
  /** Undefined: the region's own endpoint, by the SDK's rules. */
  readonly endpoint: string | undefined;
  readonly hostCredentials: () => Promise<SigningCredentials>;
  readonly now: () => EpochMs;
}

/** What signs the calls: the host's execution role. */
export interface SigningCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
}

const CONNECT_TIMEOUT_MS = 1_000;
const REQUEST_TIMEOUT_MS = 5_000;
const ATTEMPTS = 2;

/** CredentialIssuer over sts:AssumeRole. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
export class StsIssuer implements CredentialIssuer {
  readonly #options: StsOptions;
  #client: Promise<STSClient> | undefined;

  constructor(options: StsOptions) {
    this.#options = options;
  }

  async issue(grant: Grant): Promise<Credentials> {
    try {
      return await this.#assume(grant);
    } catch (error) {
      throw stsRefusal(grant.roleArn, error);
    }
  }

  /**
   * Loads the SDK, learns the region and reads the host's credentials ahead of the first call, so that no caller waits
   * for them; and what is missing is known before a container needs it.
   *
   * @throws Refusal `upstream-unavailable`
   */
  async warm(): Promise<void> {
    const client = await this.#connected();
    await client.config.credentials();
  }

  async #assume(grant: Grant): Promise<Credentials> {
    const { AssumeRoleCommand } = await import("@aws-sdk/client-sts");
    const client = await this.#connected();
    const answer = await client.send(
      new AssumeRoleCommand({
        RoleArn: grant.roleArn,
        RoleSessionName: grant.sessionName,
        DurationSeconds: grant.sessionSeconds,
      }),
    );
    return this.#checked(grant, answer.Credentials);
  }

  #checked(grant: Grant, { AccessKeyId, SecretAccessKey, SessionToken, Expiration }: StsCredentials = {}): Credentials {
    if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration) {
      throw new Refusal({ kind: "sts-unavailable", roleArn: grant.roleArn, code: "answer without credentials" });
    }
    return {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
      issuedAt: this.#options.now(),
      expiresAt: Expiration.getTime(),
    };
  }

  /** A client that could not be made is not remembered: the next call tries again. */
  #connected(): Promise<STSClient> {
    this.#client ??= this.#newClient().catch((error: unknown) => {
      this.#client = undefined;
      throw error;
    });
    return this.#client;
  }

  async #newClient(): Promise<STSClient> {
    const { STSClient } = await import("@aws-sdk/client-sts");
    const { endpoint, hostCredentials } = this.#options;
    return new STSClient({
      region: await this.#options.region(),
      ...(endpoint !== undefined && { endpoint }),
      credentials: hostCredentials,
      maxAttempts: ATTEMPTS,
      requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
    });
  }
}

interface StsCredentials {
  readonly AccessKeyId?: string | undefined;
  readonly SecretAccessKey?: string | undefined;
  readonly SessionToken?: string | undefined;
  readonly Expiration?: Date | undefined;
}
