import type { ContainerCgroup, ContainerScopes } from "./container-cgroups.ts";
import type { InterceptedAddress } from "./intercepted-address.ts";

/** What is intercepted, and where to. */
export interface Redirection {
  /** Where the daemon listens, on every address of this host. */
  readonly port: number;
  readonly addresses: readonly InterceptedAddress[];
  /** Undefined: every process of this host reaches the real service. */
  readonly ofThisHost?: KeptProcesses | undefined;
}

/** Which of this host's own processes are kept from the real service. */
export interface KeptProcesses {
  /** Containers on the host's network; undefined where they are not told from other processes. */
  readonly cgroups: readonly ContainerCgroup[] | undefined;
  /** Where cgroups are told. */
  readonly scopes?: ContainerScopes;
  /** Of them the one that the daemon is in, when it runs in a container on the host's network itself; no other is let through. */
  readonly own?: ContainerCgroup | undefined;
  /** Whose packets are refused. */
  readonly users: readonly UserRange[];
}

/** Users by number, both ends included. */
export interface UserRange {
  readonly from: number;
  readonly to: number;
}
