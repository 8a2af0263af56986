import { auditLog } from "../audit/audit-log.ts";
import { explainFailure } from "../audit/explain-failure.ts";
import type { Log } from "../audit/log.ts";
import { CredentialBroker } from "../broker/broker.ts";
import { type BrokerEvents, observed } from "../broker/broker-events.ts";
import { CredentialCache } from "../broker/credential-cache.ts";
import type { CredentialIssuer } from "../broker/credential-issuer.ts";
import { type Binding, firstToKnow, type WorkloadResolver } from "../broker/workload-resolver.ts";
import { Refusal } from "../core/failure.ts";
import type { HomeAccount } from "../core/grant.ts";
import { pathPolicy } from "../core/path-policy.ts";
import { HttpServer } from "../http/http-server.ts";
import { sleep } from "../kit/sleep.ts";
import { metadataService } from "../metadata/metadata-service.ts";
import { MetadataTokens } from "../metadata/metadata-token.ts";
import { StsIssuer } from "../sts/sts-issuer.ts";
import { hostCredentials } from "../upstream/host-credentials.ts";
import { HostDocuments } from "../upstream/host-documents.ts";
import { HostIdentitySource } from "../upstream/host-identity.ts";
import { UpstreamClient } from "../upstream/upstream-client.ts";
import { accessLog } from "./access-log.ts";
import { dockerService } from "./docker-service.ts";
import { hostNetworkPart } from "./host-network-service.ts";
import { interceptionService } from "./interception-service.ts";
import { listenService } from "./listen-service.ts";
import type { Config } from "./options.ts";
import type { Service } from "./services.ts";
import { tokenKey } from "./token-key.ts";

export interface Daemon {
  /** In the order they start. */
  readonly services: readonly Service[];
  readonly server: HttpServer;
  /** Has a workload's credentials in hand before it asks. */
  readonly prefetch: (binding: Binding) => Promise<void>;
}

/** Where the clock comes in; everything below is handed it. */
const now = (): number => Date.now();

const UPSTREAM_TIMEOUT_MS = 900;
const WAIT_FOR_STS_MS = 350;
const WAIT_FOR_DOCUMENT_MS = 400;
const RENEW_RETRY_MS = 30_000;
const DENIED_FOR_MS = 5_000;
/** A session is renewed at 27 to 33 minutes, so 26 and a half are left of the hour at the least. */
const RENEW_EVERY_MS = 30_000;
/** Loading the AWS SDK holds everything up for some 20 ms: not while the first requests after a restart are waiting. */
const LOAD_SDK_AFTER_MS = 100;

/**
 * The one place that wires: read it to see what the daemon is made of. Nothing
 * runs before its service is started.
 *
 * @param given a source of workloads instead of the Docker Engine
 */
export function compose(config: Config, log: Log, given: { readonly resolver?: WorkloadResolver } = {}): Daemon {
  const events = auditLog({ log, now });
  const upstream = new UpstreamClient({ url: config.metadataUrl, now, timeoutMs: UPSTREAM_TIMEOUT_MS });
  const identity = new HostIdentitySource(upstream);
  const issuer = stsIssuer(config, upstream, identity);
  const interception = interceptionService(config, log);
  const host = config.interception === "nftables" ? hostNetworkPart(config, log) : undefined;
  const wiring = { log, enforce: interception.enforce, onProcess: host?.noteContainer };
  const docker = given.resolver ? undefined : dockerService(config, wiring);
  const source = given.resolver ?? docker?.resolver;
  if (!source) throw new Error("there is no source of workloads");
  const resolver = host ? firstToKnow([host.resolver, source]) : source;
  const broker = credentialBroker({ config, log, identity, issuer, resolver });
  const server = metadataServer({ config, log, events, broker, upstream });
  docker?.onBinding({
    created: (workload) => void broker.anticipate(workload).catch(() => {}),
    began: (binding) => void broker.prefetch(binding).catch(() => {}),
    ended: ({ address }) => void server.resetPeer(address),
  });
  return {
    server,
    prefetch: (binding) => broker.prefetch(binding),
    services: [
      interception.service,
      ...(docker?.services ?? []),
      listenService(server, config, log),
      warmUp({ log, issuer, identity }),
      renewals(broker),
    ],
  };
}

function stsIssuer(config: Config, upstream: UpstreamClient, identity: HostIdentitySource): StsIssuer {
  return new StsIssuer({
    region: async () => config.region ?? (await identity.get()).region,
    endpoint: config.stsEndpoint,
    hostCredentials: () => hostCredentials(upstream),
    now,
  });
}

interface BrokerWiring {
  readonly config: Config;
  readonly log: Log;
  readonly identity: HostIdentitySource;
  readonly issuer: CredentialIssuer;
  readonly resolver: WorkloadResolver;
}

function credentialBroker({ config, log, identity, issuer, resolver }: BrokerWiring): CredentialBroker {
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

interface ServerWiring {
  readonly config: Config;
  readonly log: Log;
  readonly events: BrokerEvents;
  readonly broker: CredentialBroker;
  readonly upstream: UpstreamClient;
}

function metadataServer({ config, log, events, broker, upstream }: ServerWiring): HttpServer {
  const { key, keptNowhereBecause } = tokenKey(config.runtimeDirectory);
  if (keptNowhereBecause !== undefined) {
    const remedy = "containers' tokens end when taskrole stops; make the runtimeDirectory writable";
    log.warn({ reason: keptNowhereBecause, remedy }, "the key of the metadata tokens cannot be kept");
  }
  const documents = new HostDocuments({ upstream, now, sleep, waitMs: WAIT_FOR_DOCUMENT_MS });
  const handle = metadataService({
    broker: observed(broker, events),
    tokens: new MetadataTokens(key),
    metadataTokens: config.metadataTokens,
    containerCredentials: config.containerCredentials,
    paths: pathPolicy(config.metadataPaths),
    readUpstream: (version, path) => documents.read(version, path),
    events,
    now,
  });
  return new HttpServer({
    handle,
    now,
    onAccess: accessLog({ log, events, isDebug: config.logLevel === "debug" }),
    onError: (error) => log.error({ err: error }, "a request ended in a bug of taskrole; the workload got 500"),
  });
}

/** Sessions stay long whether or not their workloads ask. */
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

interface WarmUpParts {
  readonly log: Log;
  readonly issuer: StsIssuer;
  readonly identity: HostIdentitySource;
}

/** Learns the host and loads the SDK behind the first requests' backs, and says early what will fail later. */
function warmUp({ log, issuer, identity }: WarmUpParts): Service {
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
