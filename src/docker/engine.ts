import type { EpochMs } from "../core/credentials.ts";

/** What is asked of a Docker Engine: reading, and nothing else. Every call throws {@link EngineError} only. */
export interface Engine {
  listNetworks(): Promise<readonly NetworkSummary[]>;
  inspectNetwork(id: string): Promise<NetworkDetails>;
  /** Those that run and bear the label, whatever it says. */
  runningWithLabel(label: string): Promise<readonly LabelledContainer[]>;
  /** May block until a start under way is done (Docker 20.10: up to 2 s seen). */
  inspectContainer(id: string): Promise<ContainerDetails>;
  /** Resolves once the Engine has accepted the subscription. */
  events(query: EventQuery, signal: AbortSignal): Promise<AsyncIterable<EngineEvent>>;
}

export interface NetworkSummary {
  /** podman before 5 gives a name in some places where Docker gives this. */
  readonly id: string;
  readonly name: string;
  /** "bridge", "overlay", "host", ... */
  readonly driver: string;
  /** In CIDR notation, as the Engine wrote them. */
  readonly subnets: readonly string[];
}

export interface NetworkDetails extends NetworkSummary {
  readonly members: readonly NetworkMember[];
}

export interface NetworkMember {
  /** Not always a container's: "ep-…" is an endpoint that is being joined or left behind, "ingress-sbox" is swarm's. */
  readonly containerId: string;
  /** Canonical, without prefix length; none on the host network. */
  readonly addresses: readonly string[];
  /** "" when the Engine gives none. A container may change its own without the Engine's knowledge. */
  readonly macAddress: string;
}

export interface LabelledContainer {
  readonly id: string;
  /** All of them. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface ContainerDetails {
  readonly id: string;
  /** Without the leading slash. */
  readonly name: string;
  readonly running: boolean;
  /** In the Engine's pid namespace; 0 while no process runs, as between two tries of a restart policy. */
  readonly pid: number;
  readonly startedAt: string;
  /** As it was asked for: a name, with tag or digest. */
  readonly image: string;
  /** "sha256:…"; "" when the Engine gives none. */
  readonly imageId: string;
  /** What was asked for with --userns; "" for the Engine's default. */
  readonly userNamespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** "NAME=value"; may hold secrets: read and dropped, never kept or logged. */
  readonly env: readonly string[];
  /** Whose network it is in, by id, when it has none of its own (`--network container:X`). podman lists X's as its own. */
  readonly guestOf: string | undefined;
  /** Without docker_gwbridge, which only the network itself lists. */
  readonly attachments: readonly Attachment[];
}

/** A container's place on a network, as the container's own inspect gives it. */
export interface Attachment {
  /** podman before 5 gives the network's name. */
  readonly networkId: string;
  readonly networkName: string;
  /** None before the container runs. */
  readonly addresses: readonly string[];
  readonly macAddress: string;
}

export interface EventQuery {
  readonly types: readonly string[];
  readonly actions: readonly string[];
  /** Unix time; the Engine first repeats what it remembers from then on. */
  readonly sinceSeconds: number;
}

export interface EngineEvent {
  /** "container", "network", ... */
  readonly type: string;
  /** "start", "die", "connect", ... */
  readonly action: string;
  readonly actorId: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** When it happened, by the Engine's clock; undefined when it does not say. */
  readonly happenedAt: EpochMs | undefined;
}
