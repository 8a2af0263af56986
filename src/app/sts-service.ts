import { explainRefusal } from "../audit/explain-refusal.ts";
import type { Log } from "../audit/log.ts";
import { RepeatGate } from "../audit/repeat-gate.ts";
import type { CredentialIssuer } from "../broker/credential-issuer.ts";
import type { EpochMs } from "../core/credentials.ts";
import { sleep } from "../kit/sleep.ts";
import { StsIssuer } from "../sts/sts-issuer.ts";
import type { HostCredentialsSource } from "../upstream/host-credentials-source.ts";
import type { HostIdentitySource } from "../upstream/host-identity.ts";
import type { Config } from "./options.ts";
import type { Service } from "./services.ts";
import { type UntilDoneOptions, untilDone } from "./until-done.ts";

export interface StsPart {
  readonly issuer: CredentialIssuer;
  /** Makes ready what the first call needs. @throws Refusal as {@link StsIssuer.warm} */
  readonly warm: () => Promise<unknown>;
  /** What the first call needs is at hand before it. */
  readonly service: Service;
}

export interface StsWiring {
  readonly config: Config;
  readonly log: Log;
  /** The host's own credentials. */
  readonly own: Pick<HostCredentialsSource, "get">;
  readonly identity: Pick<HostIdentitySource, "get">;
  readonly now: () => EpochMs;
}

/** A size is the role's and its workload's: it is the same again at each renewal. */
const NEARLY_FULL_AGAIN_AFTER_MS = 24 * 3_600_000;

export function stsPart(wiring: StsWiring): StsPart {
  const { config, log, own, identity, now } = wiring;
  const nearlyFull = new RepeatGate({ now, repeatAfterMs: NEARLY_FULL_AGAIN_AFTER_MS });
  const issuer = new StsIssuer({
    region: async () => config.region ?? (await identity.get()).region,
    endpoint: config.stsEndpoint,
    hostCredentials: (refused) => own.get(refused),
    now,
    environment: process.env,
    onClockSkew: (stsAheadMs) =>
      log.warn(clockFields(stsAheadMs), "this host's clock is wrong; calls are signed by STS's"),
    onNearlyFull: ({ roleArn }, percent) => {
      if (nearlyFull.pass(roleArn) !== undefined)
        log.warn(sizeFields(roleArn, percent), "a session is nearly larger than STS takes");
    },
  });
  const warm = once(() => issuer.warm());
  const warming = (stopped: AbortSignal) => untilDone(warmUp(wiring, warm), stopped);
  return { issuer, warm, service: stsService(warming, () => issuer.close()) };
}

function stsService(warming: (stopped: AbortSignal) => Promise<void>, close: () => void): Service {
  const stopped = new AbortController();
  return {
    name: "warm-up",
    start: () => {
      void warming(stopped.signal);
      return Promise.resolve();
    },
    stop: () => {
      stopped.abort();
      close();
      return Promise.resolve();
    },
  };
}

/** Learns the host and connects to STS behind the first requests' backs, and says early what would fail later. */
function warmUp({ log, identity }: StsWiring, warm: StsIssuer["warm"]): UntilDoneOptions {
  const hostIsKnown = once(async () => {
    const { region, partition, accountId } = await identity.get();
    log.info({ region, partition, accountId }, "the host is known");
  });
  return {
    task: async () => {
      await hostIsKnown();
      const { arn, endpoint } = await warm();
      log.info({ hostArn: arn, stsEndpoint: endpoint }, "STS answers");
    },
    onTrouble: (error) =>
      log.error(explainRefusal(error), "no session can be issued yet; it is tried until one can be"),
    onRecovery: () => log.info({}, "sessions can be issued now"),
    sleep,
    random: Math.random,
  };
}

/** One call for all who ask, and its success kept; after a failure the next who asks tries again. */
function once<T>(task: () => Promise<T>): () => Promise<T> {
  let done: Promise<T> | undefined;
  return () => {
    done ??= task().catch((error: unknown) => {
      done = undefined;
      throw error;
    });
    return done;
  };
}

const clockFields = (stsAheadMs: number) => ({
  reason: `STS's clock is ${Math.abs(Math.round(stsAheadMs / 1000))} s ${stsAheadMs > 0 ? "ahead of" : "behind"} this host's`,
  remedy: "set it, and keep it set (chrony, systemd-timesyncd): containers judge by it when their credentials end",
});

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html#API_AssumeRole_ResponseElements */
const sizeFields = (role: string, percent: number) => ({
  role,
  reason: `its policy, policy ARNs and tags fill ${percent} % of what STS lets them fill, packed`,
  remedy: "shorten them before they grow: over 100 % STS refuses the role to its containers (PackedPolicyTooLarge)",
});
