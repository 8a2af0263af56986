import type { Log } from "../audit/log.ts";
import type { Enforce } from "../broker/address-enforcement.ts";
import type { EngineNetworks } from "../broker/mapped-workloads.ts";
import type { Binding, WorkloadResolver } from "../broker/workload-resolver.ts";
import type { Workload } from "../core/workload.ts";
import type { ContainerDialect } from "../docker/container-dialect.ts";
import { DockerWorkloads } from "../docker/docker-workloads.ts";
import { EngineClient } from "../docker/engine-client.ts";
import { StandingContainers } from "../docker/standing-containers.ts";
import { watchProcess } from "../kernel/process-watch.ts";
import { sleep } from "../kit/sleep.ts";
import type { Config } from "./options.ts";
import type { Service } from "./services.ts";
import { strandedService } from "./stranded-service.ts";

/** Told of a workload's life: when it is made, and when an address begins and ends to be its. */
export interface BindingListener {
  /** Its workload has no address yet. */
  created(workload: Workload): void;
  began(binding: Binding): void;
  ended(binding: Binding): void;
}

export interface DockerPart {
  readonly resolver: WorkloadResolver;
  /** Which addresses are of the Engine's networks. */
  readonly networks: EngineNetworks;
  /** In the order they start. */
  readonly services: readonly Service[];
  onBinding(listener: BindingListener): void;
}

interface DockerWiring {
  readonly log: Log;
  readonly dialect: ContainerDialect;
  readonly enforce: Enforce | undefined;
  /** Told of the first process of each container that starts or is bound. */
  readonly onProcess: ((pid: number) => void) | undefined;
}

const NOBODY: BindingListener = { created: () => {}, began: () => {}, ended: () => {} };

/** The containers of the Engine at `dockerEndpoint`. It may start after the daemon, stop, and come back. */
export function dockerService(
  { dockerEndpoint, runtimeDirectory }: Pick<Config, "dockerEndpoint" | "runtimeDirectory">,
  { log, dialect, enforce, onProcess }: DockerWiring,
): DockerPart {
  let listener = NOBODY;
  const engine = new EngineClient({ endpoint: dockerEndpoint });
  const stranded = strandedService({ runtimeDirectory }, { log, engine });
  const standing = new StandingContainers({
    engine,
    workloads: { knows: (id) => workloads.knows(id), meet: (id) => workloads.meet(id) },
  });
  const workloads: DockerWorkloads = new DockerWorkloads({
    engine,
    dialect,
    alongside: [standing, stranded.listener],
    watchProcess: (pid, containerId) => {
      onProcess?.(pid);
      return watchProcess(pid, containerId);
    },
    ...(onProcess && { onRunning: onProcess }),
    ...(enforce && { enforce }),
    now: () => Date.now(),
    sleep,
    events: {
      onBound(binding) {
        log.debug({ address: binding.address, ...who(binding) }, "bound");
        listener.began(binding);
      },
      onEvicted(binding, reason) {
        log.debug({ address: binding.address, reason, ...who(binding) }, "binding ended");
        listener.ended(binding);
      },
      onCreated: (workload) => listener.created(workload),
      onStreamUp: () => log.info({ dockerEndpoint }, "hearing of containers from Docker"),
      onStreamDown: (reason) =>
        log.warn({ dockerEndpoint, reason, remedy: REMEDY }, "not hearing of containers from Docker"),
    },
  });
  return {
    resolver: workloads,
    networks: workloads.networks,
    services: [
      stranded.service,
      { name: "docker", start: () => inBackground(workloads.start()), stop: () => stopBoth(standing, workloads) },
    ],
    onBinding: (given) => {
      listener = given;
    },
  };
}

const stopBoth = (standing: StandingContainers, workloads: DockerWorkloads): Promise<void> => {
  standing.stop();
  return workloads.stop();
};

/** Nobody waits for the first word of Docker: until it comes, each request asks Docker itself. */
const inBackground = (started: Promise<void>): Promise<void> => {
  void started;
  return Promise.resolve();
};

const REMEDY =
  "mend what the reason says; until then known workloads are served and new ones get 503; it is tried again by itself";

const who = ({ workload }: Binding) => ({ container: workload.name, containerId: workload.id });
