import type { Log } from "../audit/log.ts";
import type { WorkloadResolver } from "../broker/workload-resolver.ts";
import type { ContainerDialect } from "../docker/container-dialect.ts";
import { EngineClient } from "../docker/engine-client.ts";
import { HostNetworkWorkloads } from "../docker/host-network-workloads.ts";
import { findConnectionOwner } from "../kernel/connection-owner.ts";
import { ContainerCgroups } from "../kernel/container-cgroups.ts";
import { HostProcesses, strayWarning } from "../kernel/host-processes.ts";
import { runHostProgram } from "../kernel/host-programs.ts";
import { ALL_ADDRESSES, type InterceptedAddress, METADATA_ADDRESSES } from "../kernel/intercepted-address.ts";
import { watchProcess } from "../kernel/process-watch.ts";
import { sleep } from "../kit/sleep.ts";
import type { Config } from "./options.ts";

/** What of the settings the packet rules are made of. */
export type RulesConfig = Pick<
  Config,
  "listen" | "containerCredentials" | "hostNetwork" | "containerCgroups" | "refusedUsers"
>;

/** What the daemon and `taskrole interception` alike load, look for and print. */
export interface Rules {
  readonly port: number;
  readonly addresses: readonly InterceptedAddress[];
  readonly hostProcesses: HostProcesses;
}

export const rulesOf = (config: RulesConfig): Rules => ({
  port: config.listen.port,
  addresses: interceptedAddresses(config),
  hostProcesses: new HostProcesses({
    cgroups: config.hostNetwork === "host" ? undefined : new ContainerCgroups(config.containerCgroups),
    users: config.refusedUsers,
  }),
});

/** True for a daemon in a container that rules of its own, those of a former life too, keep from the real service. */
export const isItselfKept = ({ interception, hostNetwork, containerCgroups }: Config): boolean =>
  interception === "nftables" && hostNetwork !== "host" && new ContainerCgroups(containerCgroups).own() !== undefined;

const interceptedAddresses = ({ containerCredentials }: RulesConfig): readonly InterceptedAddress[] =>
  containerCredentials === "off" ? METADATA_ADDRESSES : ALL_ADDRESSES;

export interface HostNetworkPart {
  readonly resolver: WorkloadResolver;
  /** Told of each container that is known, by a process of its own: where one is, others are. */
  readonly noteContainer: (pid: number) => void;
}

/** Who asks from the host's own network. Undefined where the operator leaves it alone. */
export function hostNetworkPart(
  config: RulesConfig & Pick<Config, "dockerEndpoint">,
  { log, dialect }: { readonly log: Log; readonly dialect: ContainerDialect },
): HostNetworkPart | undefined {
  const { hostNetwork: mode, containerCgroups, dockerEndpoint } = config;
  if (mode === "host") return undefined;
  const cgroups = new ContainerCgroups(containerCgroups);
  const parts = { run: runHostProgram, addresses: interceptedAddresses(config), cgroups };
  const resolver = new HostNetworkWorkloads({
    engine: new EngineClient({ endpoint: dockerEndpoint }),
    dialect,
    findOwner: (peer) => findConnectionOwner(parts, peer),
    watchProcess,
    sleep,
    mode,
  });
  return { resolver, noteContainer: strayWatch(cgroups, log) };
}

/** Says once of each cgroup that holds containers and is not looked at that it is so. */
function strayWatch(cgroups: ContainerCgroups, log: Log): (pid: number) => void {
  const said = new Set<string>();
  return (pid) => {
    const path = cgroups.strayOf(pid);
    if (path === undefined || said.has(path)) return;
    said.add(path);
    log.warn({ reason: strayWarning(path) }, "interception");
  };
}
