import { explainFailure } from "../audit/explain-failure.ts";
import type { Log } from "../audit/log.ts";
import type { CredentialIssuer } from "../broker/credential-issuer.ts";
import type { EpochMs } from "../core/credentials.ts";
import { Refusal } from "../core/failure.ts";
import { sleep } from "../kit/sleep.ts";
import { StsIssuer } from "../sts/sts-issuer.ts";
import { hostCredentials } from "../upstream/host-credentials.ts";
import type { HostIdentitySource } from "../upstream/host-identity.ts";
import type { UpstreamClient } from "../upstream/upstream-client.ts";
import type { Config } from "./options.ts";
import type { Service } from "./services.ts";

/** Loading the AWS SDK holds everything up for some 20 ms: not while the first requests after a restart are waiting. */
const LOAD_SDK_AFTER_MS = 100;

export interface StsPart {
  readonly issuer: CredentialIssuer;
  /** What the first call needs is at hand before it. */
  readonly service: Service;
}

export interface StsWiring {
  readonly config: Config;
  readonly log: Log;
  readonly upstream: UpstreamClient;
  readonly identity: HostIdentitySource;
  readonly now: () => EpochMs;
}

export function stsPart(wiring: StsWiring): StsPart {
  const { config, upstream, identity, now } = wiring;
  const issuer = new StsIssuer({
    region: async () => config.region ?? (await identity.get()).region,
    endpoint: config.stsEndpoint,
    hostCredentials: () => hostCredentials(upstream),
    now,
  });
  return { issuer, service: warmUp(wiring, issuer) };
}

/** Learns the host and loads the SDK behind the first requests' backs, and says early what will fail later. */
function warmUp({ log, identity }: StsWiring, issuer: StsIssuer): Service {
  const warm = async (): Promise<void> => {
    const { region, partition, accountId } = await identity.get();
    log.info({ region, partition, accountId }, "the host is known");
    await sleep(LOAD_SDK_AFTER_MS);
    await issuer.warm();
  };
  return {
    name: "warm-up",
    start: () => {
      warm().catch((error: unknown) =>
        log.error(wordsOf(error), "the host is not known yet; it is asked again when needed"),
      );
      return Promise.resolve();
    },
    stop: () => Promise.resolve(),
  };
}

const wordsOf = (error: unknown) => (error instanceof Refusal ? explainFailure(error.failure) : { err: error });
