import { hostname } from "node:os";
import type { Log } from "../audit/log.ts";
import { sessionLog } from "../audit/session-log.ts";
import { type BrokerParts, CredentialBroker } from "../broker/broker.ts";
import { CredentialCache } from "../broker/credential-cache.ts";
import type { PacedIssuer } from "../broker/paced-issuer.ts";
import type { WorkloadResolver } from "../broker/workload-resolver.ts";
import type { EpochMs } from "../core/credentials.ts";
import type { HomeAccount } from "../core/role-arn.ts";
import type { Workload } from "../core/workload.ts";
import { sleep } from "../kit/sleep.ts";
import type { HostIdentitySource } from "../upstream/host-identity.ts";
import { grantSettings } from "./grant-settings.ts";
import type { Config } from "./options.ts";
import { reviewOfRules } from "./role-rules-review.ts";
import type { Service } from "./services.ts";

const WAIT_FOR_STS_MS = 350;
/** So a session of an hour is renewed at 27 to 33 minutes, and what failed is tried again when its time has come. */
const KEEP_EVERY_MS = 1_000;

export interface SessionsPart {
  readonly broker: CredentialBroker;
  /** Decides by these settings from now on. */
  readonly apply: (config: Config) => void;
  /** Sessions stay long whether or not their workloads ask. */
  readonly service: Service;
}

export interface SessionsWiring {
  readonly config: Config;
  readonly log: Log;
  readonly now: () => EpochMs;
  readonly identity: HostIdentitySource;
  readonly issuer: PacedIssuer;
  readonly resolver: WorkloadResolver;
  readonly onRoleLost: (workload: Workload) => void;
}

export function sessionsPart(wiring: SessionsWiring): SessionsPart {
  const broker = credentialBroker(wiring);
  const review = (settings: Config): void => {
    for (const reason of reviewOfRules(settings)) wiring.log.warn({ reason }, "roleRules");
  };
  review(wiring.config);
  const apply = (config: Config): void => {
    review(config);
    broker.decideBy(decisionOf(config, wiring.identity));
  };
  return { broker, apply, service: renewals(broker) };
}

function decisionOf(config: Config, identity: HostIdentitySource): Pick<BrokerParts, "settings" | "home"> {
  return {
    settings: grantSettings(config, hostname()),
    home: async (): Promise<HomeAccount> => {
      const { partition, accountId } = await identity.get();
      return { partition, accountId: config.defaultAccountId ?? accountId };
    },
  };
}

function credentialBroker({
  config,
  log,
  now,
  identity,
  issuer,
  resolver,
  onRoleLost,
}: SessionsWiring): CredentialBroker {
  const uptime = (): number => performance.now();
  const cache = new CredentialCache({
    issuer,
    now,
    uptime,
    random: Math.random,
    events: sessionLog({ log, now }),
  });
  const decision = decisionOf(config, identity);
  const waiting = { sleep, uptime, waitForStsMs: WAIT_FOR_STS_MS };
  return new CredentialBroker({ resolver, cache, ...decision, onRoleLost, ...waiting });
}

function renewals(broker: CredentialBroker): Service {
  let timer: NodeJS.Timeout | undefined;
  return {
    name: "renewals",
    start: () => {
      timer = setInterval(() => broker.keepSessions(), KEEP_EVERY_MS);
      return Promise.resolve();
    },
    stop: () => {
      clearInterval(timer);
      return Promise.resolve();
    },
  };
}
