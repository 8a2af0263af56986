import { auditLog } from "../audit/audit-log.ts";
import type { Log } from "../audit/log.ts";
import type { Enforce } from "../broker/address-enforcement.ts";
import type { CredentialBroker } from "../broker/broker.ts";
import { type BrokerEvents, observed } from "../broker/broker-events.ts";
import type { EngineNetworks } from "../broker/mapped-workloads.ts";
import { type Binding, firstToKnow, type WorkloadResolver } from "../broker/workload-resolver.ts";
import { pathPolicy } from "../core/path-policy.ts";
import type { HttpHandler } from "../http/http-message.ts";
import { HttpServer } from "../http/http-server.ts";
import { sleep } from "../kit/sleep.ts";
import { metadataService } from "../metadata/metadata-service.ts";
import { MetadataTokens } from "../metadata/metadata-token.ts";
import { TokenScopes } from "../metadata/token-scopes.ts";
import { HostDocuments } from "../upstream/host-documents.ts";
import { HostIdentitySource } from "../upstream/host-identity.ts";
import { UpstreamClient } from "../upstream/upstream-client.ts";
import { accessLog } from "./access-log.ts";
import { containerDialect } from "./container-dialect.ts";
import { type BindingListener, dockerService } from "./docker-service.ts";
import { hostNetworkPart, isItselfKept } from "./host-network-service.ts";
import { interceptionService } from "./interception-service.ts";
import { listenService } from "./listen-service.ts";
import type { Config } from "./options.ts";
import { reloadableSts } from "./reloadable-sts.ts";
import { type RoleMapListener, roleMapService } from "./role-map-service.ts";
import type { Service } from "./services.ts";
import { sessionsPart } from "./sessions-service.ts";
import { demandSamePort, type GivenSockets } from "./socket-activation.ts";
import { tokenKey } from "./token-key.ts";
import { warmStart } from "./warm-start.ts";

export interface Daemon {
  /** In the order they start. */
  readonly services: readonly Service[];
  readonly server: HttpServer;
  /**
   * From the next request on these settings decide; a request under way ends by the former. Only what decides is replaced: who
   * is known, what is cached, what is connected stays. Settings that need a restart must be the same.
   */
  readonly apply: (config: Config) => void;
  /** Has a workload's credentials in hand before it asks. */
  readonly prefetch: (binding: Binding) => Promise<void>;
}

export interface Given {
  /** A source of workloads instead of the Docker Engine. */
  readonly resolver?: WorkloadResolver;
  readonly sockets?: Pick<GivenSockets, "metadata">;
}

/** Where the clock comes in; everything below is handed it. */
const now = (): number => Date.now();

const UPSTREAM_TIMEOUT_MS = 900;
const WAIT_FOR_DOCUMENT_MS = 400;

/**
 * The one place that wires: read it to see what the daemon is made of. Nothing
 * runs before its service is started.
 */
export function compose(config: Config, log: Log, given: Given = {}): Daemon {
  const socket = given.sockets?.metadata;
  demandSamePort(socket, config);
  const events = auditLog({ log, now });
  const upstream = new UpstreamClient({ url: config.metadataUrl, now, timeoutMs: UPSTREAM_TIMEOUT_MS });
  const identity = new HostIdentitySource(upstream, now);
  const sts = reloadableSts({ config, log, upstream, identity, now });
  const interception = interceptionService(config, log);
  const sources = workloadSources(config, { log, enforce: interception.enforce, given: given.resolver });
  const scopes = new TokenScopes();
  const sessions = sessionsPart({
    ...{ config, log, now, identity, issuer: sts.issuer, resolver: sources.resolver },
    onRoleLost: (workload) => scopes.end(workload),
  });
  const { broker } = sessions;
  const warming = warmStart(sts.warm);
  const { server, ...surface } = metadataSurface({ config, log, events, broker, upstream, scopes });
  sources.onBinding({
    created: (workload) => void broker.anticipate(workload).catch(() => {}),
    began: (binding) => void broker.prefetch(binding).catch(() => {}),
    ended: (binding) => {
      server.resetPeer(binding.address);
      broker.letGo(binding);
    },
    letGo: (binding) => broker.letGo(binding),
  });
  return {
    server,
    apply(next) {
      sts.apply(next);
      sessions.apply(next);
      surface.apply(next);
      sources.apply();
    },
    prefetch: (binding) => broker.prefetch(binding),
    services: [
      ...(isItselfKept(config) ? [interception.service, warming.begin] : [warming.begin, interception.service]),
      ...sources.services,
      warming.complete,
      ...sts.services,
      sessions.service,
      listenService(server, { listen: config.listen, log, given: socket }), // the last: it stops first, while STS still answers
    ],
  };
}

interface SourcesWiring {
  readonly log: Log;
  readonly enforce: Enforce | undefined;
  readonly given: WorkloadResolver | undefined;
}

interface WorkloadSources {
  readonly resolver: WorkloadResolver;
  readonly services: readonly Service[];
  readonly apply: () => void;
  readonly onBinding: (listener: BindingListener & RoleMapListener) => void;
}

/** All who know workloads, in the order they are asked: who is on the host's own network, the operator's map, the Engine. */
function workloadSources(config: Config, { log, enforce, given }: SourcesWiring): WorkloadSources {
  const dialect = containerDialect(config);
  const host = config.interception === "nftables" ? hostNetworkPart(config, { log, dialect }) : undefined;
  const wiring = { log, dialect, enforce, onProcess: host?.noteContainer };
  const docker = given ? undefined : dockerService(config, wiring);
  const source = given ?? docker?.resolver;
  if (!source) throw new Error("there is no source of workloads");
  const networks = docker?.networks ?? NO_NETWORKS;
  const map =
    config.roleMapFile === undefined
      ? undefined
      : roleMapService(config.roleMapFile, { log, networks, compat: config.compat });
  return {
    resolver: firstToKnow([host?.resolver, map?.resolver, source].filter((one) => one !== undefined)),
    services: [...(docker?.services ?? []), ...(map ? [map.service] : [])],
    apply: () => map?.apply(),
    onBinding(listener) {
      docker?.onBinding(listener);
      map?.onBinding(listener);
    },
  };
}

const NO_NETWORKS: EngineNetworks = { contains: async () => false, containsNow: async () => false };

interface SurfaceWiring {
  readonly config: Config;
  readonly log: Log;
  readonly events: BrokerEvents;
  readonly broker: CredentialBroker;
  readonly upstream: UpstreamClient;
  readonly scopes: TokenScopes;
}

function metadataSurface(wiring: SurfaceWiring): Pick<Daemon, "server" | "apply"> {
  const { config, log, events } = wiring;
  const handlerBy = metadataHandler(wiring);
  let [{ logLevel }, handle] = [config, handlerBy(config)];
  const server = new HttpServer({
    handle: (request) => handle(request),
    now,
    onAccess: accessLog({ log, events, isDebug: () => logLevel === "debug" }),
    onError: (error) => log.error({ err: error }, "a request ended in a bug of taskrole; the workload got 500"),
  });
  const apply = (next: Config): void => {
    [{ logLevel }, handle] = [next, handlerBy(next)];
  };
  return { server, apply };
}

/** Made from the settings alone, and replaced as a whole; the tokens' key and the documents in hand are the same whatever they are. */
function metadataHandler({
  config,
  log,
  events,
  broker,
  upstream,
  scopes,
}: SurfaceWiring): (config: Config) => HttpHandler {
  const { key, keptNowhereBecause } = tokenKey(config.runtimeDirectory);
  if (keptNowhereBecause !== undefined) {
    const remedy = "containers' tokens end when taskrole stops; make the runtimeDirectory writable";
    log.warn({ reason: keptNowhereBecause, remedy }, "the key of the metadata tokens cannot be kept");
  }
  const documents = new HostDocuments({ upstream, now, sleep, waitMs: WAIT_FOR_DOCUMENT_MS });
  const parts = { broker: observed(broker, events), tokens: new MetadataTokens(key), scopes, events, now };
  return ({ metadataTokens, containerCredentials, metadataPaths }) =>
    metadataService({
      ...parts,
      metadataTokens,
      containerCredentials,
      paths: pathPolicy(metadataPaths),
      readUpstream: (version, path) => documents.read(version, path),
    });
}
