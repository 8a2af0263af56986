import type { AssumeRoleCommandOutput } from "@aws-sdk/client-sts";
import type { CredentialIssuer } from "../broker/credential-issuer.ts";
import type { Credentials, EpochMs } from "../core/credentials.ts";
import { Refusal } from "../core/failure.ts";
import type { Grant } from "../core/grant.ts";
import { TIMED_OUT, withDeadline } from "../kit/deadline.ts";
import { SingleFlight } from "../kit/single-flight.ts";
import { sleep } from "../kit/sleep.ts";
import { assumeRoleInput } from "./assume-role-input.ts";
import type { Exchange, SigningCredentials, StsClient } from "./sts-client.ts";
import { stsEnvironment } from "./sts-environment.ts";
import { type Cure, cureOf, isDenial, stsRefusal, UnusableAnswer } from "./sts-failure.ts";

export interface StsOptions {
  /** Read when first needed. @throws Refusal `upstream-unavailable` */
  readonly region: () => Promise<string>;
  /** Undefined: that of AWS_ENDPOINT_URL_STS, else the region's own, by the SDK's rules. */
  readonly endpoint: string | undefined;
  /** @param refused what STS took no longer: the answer is read afresh. @throws Refusal `upstream-unavailable` */
  readonly hostCredentials: (refused?: SigningCredentials) => Promise<SigningCredentials>;
  readonly now: () => EpochMs;
  /** See {@link stsEnvironment}. Default: none of it. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Told once for each size: by how much STS's clock is ahead of this host's. Calls are signed by STS's. */
  readonly onClockSkew?: (stsAheadMs: number) => void;
  /** Told of each session that fills so much of what STS lets policy, policy ARNs and tags fill, packed. From 90 to 100. */
  readonly onNearlyFull?: (grant: Grant, percent: number) => void;
  /** Default: {@link TIME_LIMITS}. */
  readonly timeLimits?: TimeLimits;
}

export interface TimeLimits {
  readonly connectMs: number;
  readonly firstTryMs: number;
  readonly secondTryMs: number;
  readonly flightMs: number;
}

/** Who the host is for STS. */
export interface StsCaller {
  readonly endpoint: string;
  /** Undefined where a policy keeps the host from asking. */
  readonly arn: string | undefined;
}

/**
 * A dead connection is noticed soon, and a slow STS still gets its answer through: the second try waits longer.
 * The whole flight has a limit besides, since the host's region and credentials may have to be read first.
 */
const TIME_LIMITS: TimeLimits = { connectMs: 1_000, firstTryMs: 2_000, secondTryMs: 4_000, flightMs: 10_000 };
const PAUSE_BEFORE_SECOND_TRY_MS = 100;

/** STS takes a clock that is five minutes off; the SDK begins to correct it at four. */
const SKEW_WORTH_TELLING_MS = 240_000;
const SKEW_IS_ANOTHER_AFTER_MS = 60_000;
/** How it packs is AWS's secret, so that no size can be known before; what it says of one is near enough to the next. */
const NEARLY_FULL_PERCENT = 90;

/** CredentialIssuer over sts:AssumeRole. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
export class StsIssuer implements CredentialIssuer {
  readonly #options: StsOptions;
  readonly #limits: TimeLimits;
  #client: Promise<StsClient> | undefined;
  /** Who the host was, and with which key it signed when it asked that; undefined until {@link StsIssuer.warm} knows. */
  #caller: { readonly keyId: string; readonly arn: string | undefined } | undefined;
  readonly #callers = new SingleFlight<string, string | undefined>();
  #toldSkewMs = 0;

  constructor(options: StsOptions) {
    this.#options = options;
    this.#limits = options.timeLimits ?? TIME_LIMITS;
  }

  /** Ends in bounded time, whatever STS does: two tries at the most. */
  issue(grant: Grant, onSecondTry?: () => void): Promise<Credentials> {
    const call: Call<Credentials> = async (client, exchange) => {
      const answer = await client.assumeRole(assumeRoleInput(grant), exchange).catch(async (error: unknown) => {
        if (isDenial(error)) await this.#noteCaller(client, exchange);
        throw error;
      });
      const percent = answer.PackedPolicySize ?? 0;
      if (percent >= NEARLY_FULL_PERCENT) this.#options.onNearlyFull?.(grant, percent);
      return this.#checked(grant, answer, client.clockOffsetMs);
    };
    return this.#flight(grant.roleArn, call, onSecondTry);
  }

  /**
   * Loads the SDK, learns the region, reads the host's credentials, connects, and asks STS who this host is: ahead of
   * the first call, so that no caller waits for any of it, and what is wrong is known before a container needs it.
   *
   * @throws Refusal `upstream-unavailable`, `sts-unavailable`, `sts-throttled`
   */
  async warm(): Promise<StsCaller> {
    const arn = await this.#flight("the host's own identity", (client, exchange) => this.#askCaller(client, exchange));
    return { arn, endpoint: (await this.#connected()).endpoint() };
  }

  /** The keys may be another role's by now; whoever is refused must be told the right one. */
  async #noteCaller(client: StsClient, exchange: Exchange): Promise<void> {
    const { accessKeyId } = exchange.signing;
    if (!this.#caller || this.#caller.keyId === accessKeyId) return;
    this.#caller = { keyId: "", arn: undefined }; // better nobody than the wrong one
    await this.#callers.run(accessKeyId, () => this.#askCaller(client, exchange)).catch(() => {}); // told without it then
  }

  async #askCaller(client: StsClient, exchange: Exchange): Promise<string | undefined> {
    const arn = await client.callerArn(exchange).catch((error: unknown) => {
      if (isDenial(error)) return undefined;
      throw error;
    });
    this.#caller = { keyId: exchange.signing.accessKeyId, arn };
    return arn;
  }

  /** Closes the connections that are kept, also those of a flight under way. */
  close(): void {
    this.#client?.then(
      (client) => client.close(),
      () => {},
    );
  }

  async #flight<T>(roleArn: string, call: Call<T>, onSecondTry?: () => void): Promise<T> {
    try {
      const answer = await withDeadline(this.#tryTwice(call, onSecondTry), this.#limits.flightMs, sleep);
      if (answer !== TIMED_OUT) return answer;
    } catch (error) {
      throw stsRefusal({ roleArn, now: this.#options.now(), callerArn: this.#caller?.arn }, error);
    }
    throw new Refusal({ kind: "sts-unavailable", roleArn, code: "flight-timeout" });
  }

  async #tryTwice<T>(call: Call<T>, onSecondTry: () => void = () => {}): Promise<T> {
    const { firstTryMs, secondTryMs } = this.#limits;
    const client = await this.#connected();
    const signing = await this.#options.hostCredentials();
    try {
      return await call(client, { signing, withinMs: firstTryMs });
    } catch (error) {
      const cure = cureOf(error);
      if (cure === "none") throw error;
      const renewed = await this.#cured(cure, client, signing);
      onSecondTry();
      return await call(client, { signing: renewed, withinMs: secondTryMs });
    } finally {
      this.#tellSkew(client.clockOffsetMs);
    }
  }

  /** @returns what the second try is signed with */
  async #cured(cure: Cure, client: StsClient, signing: SigningCredentials): Promise<SigningCredentials> {
    if (cure === "new-credentials") return this.#options.hostCredentials(signing);
    if (cure === "new-connection") {
      client.dropIdle();
      await sleep(PAUSE_BEFORE_SECOND_TRY_MS);
    }
    return signing;
  }

  #checked(grant: Grant, answer: AssumeRoleCommandOutput, stsAheadMs: number): Credentials {
    const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = answer.Credentials ?? {};
    if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration) {
      throw new UnusableAnswer("answer-without-credentials");
    }
    if (!isOf(grant, answer.AssumedRoleUser?.Arn)) throw new UnusableAnswer("answer-of-another-session");
    const issuedAt = this.#options.now();
    const expiresAt = Expiration.getTime();
    if (expiresAt > issuedAt) {
      return {
        accessKeyId: AccessKeyId,
        secretAccessKey: SecretAccessKey,
        sessionToken: SessionToken,
        issuedAt,
        expiresAt,
      };
    }
    const cause = new Error(`the session ends at ${iso(expiresAt)}, and by this host's clock it is ${iso(issuedAt)}`);
    const code = stsAheadMs < -SKEW_WORTH_TELLING_MS ? "clock-ahead" : "session-already-over";
    throw new Refusal({ kind: "sts-unavailable", roleArn: grant.roleArn, code }, { cause });
  }

  #tellSkew(stsAheadMs: number): void {
    const isOff = Math.abs(stsAheadMs) >= SKEW_WORTH_TELLING_MS;
    if (!isOff || Math.abs(stsAheadMs - this.#toldSkewMs) < SKEW_IS_ANOTHER_AFTER_MS) return;
    this.#toldSkewMs = stsAheadMs;
    this.#options.onClockSkew?.(stsAheadMs);
  }

  /** A client that could not be made is not remembered: the next call tries again. */
  #connected(): Promise<StsClient> {
    this.#client ??= this.#newClient().catch((error: unknown) => {
      this.#client = undefined;
      throw error;
    });
    return this.#client;
  }

  async #newClient(): Promise<StsClient> {
    const { StsClient } = await import("./sts-client.ts");
    const { endpoint, environment = {} } = this.#options;
    const region = await this.#options.region();
    const { connectMs } = this.#limits;
    return new StsClient({ region, endpoint, environment: stsEnvironment(environment), connectMs });
  }
}

type Call<T> = (client: StsClient, exchange: Exchange) => Promise<T>;

const iso = (at: EpochMs): string => new Date(at).toISOString();

/** The answer names the session: one that a broken proxy mixed up with another's goes to nobody. */
const isOf = ({ roleName, sessionName }: Grant, arn: string | undefined): boolean =>
  arn === undefined || arn.toLowerCase().endsWith(`:assumed-role/${roleName}/${sessionName}`.toLowerCase());
