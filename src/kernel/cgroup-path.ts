import { relative } from "node:path/posix";

/** Where nft looks for the cgroups that rules name: https://git.netfilter.org/nftables/tree/src/datatype.c?h=v1.0.6 */
const NFT_ROOT = "/sys/fs/cgroup";

/**
 * Reads /proc/PID/mountinfo (proc_pid_mountinfo(5)).
 *
 * @returns where the whole of cgroup 2 is mounted: "/sys/fs/cgroup", or "/sys/fs/cgroup/unified" beside version 1
 */
export function cgroup2MountIn(mountInfo: string): string | undefined {
  const mounts = mountInfo.split("\n").flatMap((line) => {
    const [fields = "", kind = ""] = line.split(" - ");
    const [, , , root, place] = fields.split(" ");
    return kind.startsWith("cgroup2 ") && root === "/" && place !== undefined ? [place] : [];
  });
  return mounts.find((place) => `${place}/`.startsWith(`${NFT_ROOT}/`)) ?? mounts[0];
}

/** Reads /proc/PID/cgroup. @returns the process's cgroup of version 2, "/docker/9f3c…"; undefined without version 2 */
export const cgroup2In = (cgroupFile: string): string | undefined =>
  /^0::(\/.*?)(?: \(deleted\))?$/m.exec(cgroupFile)?.[1];

/** A cgroup as nft's `socket cgroupv2 level LEVEL "PATH"` names it; the level counts from the root of cgroup 2. */
export interface NftCgroup {
  readonly level: number;
  readonly path: string;
}

/** @param path of the cgroup, from the root of cgroup 2: "docker"; @param mount as {@link cgroup2MountIn} gives it */
export const nftCgroup = (path: string, mount: string): NftCgroup => ({
  level: path.split("/").length,
  path: relative(NFT_ROOT, `${mount}/${path}`),
});

/** True for the cgroup `parent` itself and all below it. */
export const isWithin = (path: string, parent: string): boolean => `${path}/`.startsWith(`/${parent}/`);

/**
 * The cgroup of a container: "9f3c…" and "libpod-9f3c…" where the engine makes it, "docker-9f3c….scope" where systemd
 * does. A pod's has another prefix, "libpod_pod_".
 */
const OF_CONTAINER = /^(?:[a-z][a-z-]*-)?(?<id>[0-9a-f]{64})(?:\.scope)?$/;

/** @param name of one cgroup, without those it lies in. @returns its container's full id; undefined when it is none */
export const containerIdOf = (name: string): string | undefined => OF_CONTAINER.exec(name)?.groups?.["id"];

/** A container's own unit of systemd's, as Docker and containerd have it made: "docker-9f3c….scope". */
export const isContainerScope = (name: string): boolean => name.endsWith(".scope") && containerIdOf(name) !== undefined;

/**
 * Which container the cgroup `path` belongs to. Of nested containers it is the outermost, which runs the engine of the others.
 *
 * @param places elsewhere whoever owns a cgroup may give others below it any name
 */
export function containerIdIn(path: string, { parents, servicesSlice }: ContainerPlaces): string | undefined {
  const parent = parents.find((candidate) => isWithin(path, candidate));
  const within = path.slice((parent ?? servicesSlice).length + 2).split("/");
  if (parent !== undefined) return within.map(containerIdOf).find((id) => id !== undefined);
  const [unit = ""] = within;
  return isWithin(path, servicesSlice) && isContainerScope(unit) ? containerIdOf(unit) : undefined;
}

export interface ContainerPlaces {
  /** All below them is containers'. */
  readonly parents: readonly string[];
  /** Only systemd makes what lies in it; of that, the scopes of containers are. */
  readonly servicesSlice: string;
}

/**
 * The cgroup of a process that runs in a container.
 *
 * @param cgroupFile /proc/PID/cgroup, in the host's cgroup namespace
 * @returns from the root of cgroup 2: "docker/9f3c…"; undefined where that is in none
 */
export function ownContainerCgroupIn(cgroupFile: string, places: ContainerPlaces): string | undefined {
  const path = cgroup2In(cgroupFile);
  return path === undefined || containerIdIn(path, places) === undefined ? undefined : path.slice(1);
}
