import type { Log } from "../audit/log.ts";
import { CredentialBroker } from "../broker/broker.ts";
import { CredentialCache } from "../broker/credential-cache.ts";
import type { CredentialIssuer } from "../broker/credential-issuer.ts";
import type { WorkloadResolver } from "../broker/workload-resolver.ts";
import type { EpochMs } from "../core/credentials.ts";
import type { HomeAccount } from "../core/grant.ts";
import { sleep } from "../kit/sleep.ts";
import type { HostIdentitySource } from "../upstream/host-identity.ts";
import type { Config } from "./options.ts";
import type { Service } from "./services.ts";

const WAIT_FOR_STS_MS = 350;
const RENEW_RETRY_MS = 30_000;
const DENIED_FOR_MS = 5_000;
/** A session is renewed at 27 to 33 minutes, so 26 and a half are left of the hour at the least. */
const RENEW_EVERY_MS = 30_000;

export interface SessionsPart {
  readonly broker: CredentialBroker;
  /** Sessions stay long whether or not their workloads ask. */
  readonly service: Service;
}

export interface SessionsWiring {
  readonly config: Config;
  readonly log: Log;
  readonly now: () => EpochMs;
  readonly identity: HostIdentitySource;
  readonly issuer: CredentialIssuer;
  readonly resolver: WorkloadResolver;
}

export function sessionsPart(wiring: SessionsWiring): SessionsPart {
  const broker = credentialBroker(wiring);
  return { broker, service: renewals(broker) };
}

function credentialBroker({ config, log, now, identity, issuer, resolver }: SessionsWiring): CredentialBroker {
  const cache = new CredentialCache({
    now,
    random: Math.random,
    renewRetryMs: RENEW_RETRY_MS,
    deniedForMs: DENIED_FOR_MS,
    onRenewalError: (session, error) =>
      log.warn({ session, reason: String(error) }, "a session could not be renewed early; it is served until its end"),
  });
  const home = async (): Promise<HomeAccount> => {
    const { partition, accountId } = await identity.get();
    return { partition, accountId: config.defaultAccountId ?? accountId };
  };
  const { defaultRole, accounts, sessionSeconds } = config;
  const rules = { accounts, sessionSeconds, ...(defaultRole !== undefined && { defaultRole }) };
  return new CredentialBroker({ resolver, issuer, cache, rules, home, sleep, waitForStsMs: WAIT_FOR_STS_MS });
}

function renewals(broker: CredentialBroker): Service {
  let timer: NodeJS.Timeout | undefined;
  return {
    name: "renewals",
    start: () => {
      timer = setInterval(() => broker.renewUsed(), RENEW_EVERY_MS);
      return Promise.resolve();
    },
    stop: () => {
      clearInterval(timer);
      return Promise.resolve();
    },
  };
}
