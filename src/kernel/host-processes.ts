import type { RunCommand } from "../kit/run-command.ts";
import type { ContainerCgroups } from "./container-cgroups.ts";
import type { KeptProcesses, UserRange } from "./redirection.ts";

export interface HostProcessesOptions {
  /** Undefined: containers on the host's network have the instance's role. */
  readonly cgroups: ContainerCgroups | undefined;
  readonly users: readonly UserRange[];
}

/** Which of this host's own processes the rules keep from the real service, and which they cannot. */
export class HostProcesses {
  readonly #options: HostProcessesOptions;
  #whyNotMatched: string | undefined = "it has not been looked at yet";

  constructor(options: HostProcessesOptions) {
    this.#options = options;
  }

  /** Undefined when all of them may reach the real service. As far as was learned. */
  kept(): KeptProcesses | undefined {
    return this.#whyNotMatched === undefined ? this.meant() : this.#users();
  }

  /** The same where it is not asked what nft and the kernel can do. */
  meant(): KeptProcesses | undefined {
    const { cgroups, users } = this.#options;
    if (cgroups?.mount === undefined) return this.#users();
    return { cgroups: cgroups.present(), scopes: cgroups.scopes(), own: cgroups.own(), users };
  }

  /**
   * The kernel is asked whether it would take such a rule; nothing is changed. Only a yes is remembered, as a module may
   * be loaded and a program installed later.
   */
  async learn(run: RunCommand): Promise<void> {
    const { cgroups } = this.#options;
    if (cgroups === undefined || this.#whyNotMatched === undefined) return;
    this.#whyNotMatched = whyUnseen(cgroups) ?? (await whyRefused(run));
  }

  /** As {@link ContainerCgroups.missing} names them. */
  missingCgroups(): readonly string[] {
    return this.#options.cgroups?.missing() ?? [];
  }

  makeCgroups(): void {
    this.#options.cgroups?.make();
  }

  /** What of the settings this host does not keep, as far as was learned, and the remedy. */
  warnings(): readonly string[] {
    const { cgroups } = this.#options;
    if (cgroups === undefined) return [];
    const reason = this.#whyNotMatched;
    return reason === undefined ? cgroups.strays().map(strayWarning) : [unmatchedWarning(reason)];
  }

  /** The same where the packet rules are iptables', which know of none of this. */
  warningsOfIptables(): readonly string[] {
    const { cgroups, users } = this.#options;
    return [
      ...(cgroups ? [unmatchedWarning("interception is iptables")] : []),
      ...(users.length > 0 ? ["refusedUsers is not kept, as interception is iptables: use nftables."] : []),
    ];
  }

  listen(onNews: () => void, signal: AbortSignal): void {
    this.#options.cgroups?.watch(onNews, signal);
  }

  /** @param onScope called with each container's cgroup that comes to lie among the host's services, as nft names it */
  listenForScopes(onScope: (path: string) => void, signal: AbortSignal): void {
    this.#options.cgroups?.watchScopes(onScope, signal);
  }

  #users(): KeptProcesses | undefined {
    const { users } = this.#options;
    return users.length > 0 ? { cgroups: undefined, users } : undefined;
  }
}

function whyUnseen(cgroups: ContainerCgroups): string | undefined {
  if (cgroups.mount === undefined) return "no cgroup 2 is mounted here";
  return cgroups.isWhole() || cgroups.present().length > 0 ? undefined : ONLY_OWN;
}

const ONLY_OWN =
  "the only cgroups that can be seen from here are those of taskrole's own container (start it with --cgroupns host " +
  "-v /sys/fs/cgroup:/sys/fs/cgroup:ro)";

async function whyRefused(run: RunCommand): Promise<string | undefined> {
  const outcome = await run(["nft", "--check", probeText]);
  if (outcome.kind === "exited" && outcome.code === 0) return undefined;
  return "this nft or this kernel has no `socket cgroupv2` (nft 1.0, Linux 5.13)";
}

/** "." is the folder of all cgroups, which is there in every layout. */
const probeText = `table inet taskrole_probe {
  set some { type cgroupsv2; }
  chain probe {
    socket cgroupv2 level 1 "." counter
    socket cgroupv2 level 1 @some counter
  }
}
`;

const ROLE_OF_HOST = "containers on the host's network, if they run there, have the instance's role";

const unmatchedWarning = (reason: string): string =>
  `hostNetwork is not kept, as ${reason}: ${ROLE_OF_HOST}. Run none of them, or set hostNetwork: host to say that this is meant.`;

/** @param path of a cgroup that holds containers and is none of `containerCgroups`, from the root: "system.slice" */
export function strayWarning(path: string): string {
  if (path === "system.slice")
    return `hostNetwork is kept for containers in the cgroup system.slice only while taskrole runs, and from some milliseconds after each was made: they are told from the host's services one by one. ${OWN_SLICE}`;
  const remedy = path === "" ? OWN_SLICE : `If they may be kept from it, add "${path}" to containerCgroups.`;
  return `hostNetwork is not kept for the containers in the cgroup ${path === "" ? "/" : path}, which containerCgroups does not name: ${ROLE_OF_HOST}. ${remedy}`;
}

const OWN_SLICE =
  'Give containers a place of their own: "cgroup-parent": "docker.slice" in /etc/docker/daemon.json, and that slice started at boot.';
