import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Instance } from "./instance.ts";
import { eventually, LongRunning, run } from "./programs.ts";
import { cacheFolder, engineName, imageFolder, mobyFolder } from "./settings.ts";

/** The docker command, against this engine. @returns what it printed; throws when it fails. */
export type Docker = (...args: readonly string[]) => Promise<string>;

/** A Docker Engine on the instance. Its images stay between runs, everything else does not. */
export interface Engine {
  /** The same path on the instance and outside. */
  readonly socket: string;
  readonly docker: Docker;
  start(options?: EngineStart): Promise<void>;
  /** SIGTERM: the containers stop with it, unless it was started to live-restore them. */
  stop(): Promise<void>;
  /** SIGKILL to the engine alone: the containers run on. */
  kill(): Promise<void>;
  /** It takes connections and answers none, until it thaws. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Removes what a test or a run left: containers, networks, volumes. */
  removeEverything(): Promise<void>;
}

export interface EngineStart {
  /** `--live-restore`: containers run on without the engine, and it takes them back at its next start. Default: true. */
  readonly liveRestore?: boolean;
}

export const IMAGES = {
  small: "taskrole-e2e/small",
  aws: "taskrole-e2e/aws",
  dind: "taskrole-e2e/dind",
  /** What the product's own image is built from here. */
  base: "taskrole-e2e/base",
} as const;
export type ImageName = keyof typeof IMAGES;

/** Every cgroup of every container of this run lies below it, so that nothing else is ever removed. */
export const CGROUP_PARENT = `taskrole-e2e-${process.pid}`;

export async function createEngine(instance: Instance): Promise<Engine> {
  const socket = join(instance.folder, "docker.sock");
  const docker: Docker = (...args) =>
    run(["docker", ...args], { env: { DOCKER_HOST: `unix://${socket}` }, timeoutMs: 120_000 });
  const command = await commandOf(instance, socket);
  let dockerd: LongRunning | undefined;
  return {
    socket,
    docker,
    async start({ liveRestore = true } = {}) {
      if (dockerd?.isRunning) throw new Error("the engine runs already");
      const started = new LongRunning([...command, ...(liveRestore ? ["--live-restore"] : [])]);
      dockerd = started;
      await eventually(() => answering(started, docker), 30_000);
    },
    stop: async () => dockerd?.stop("SIGTERM", 40_000),
    kill: async () => dockerd?.stop("SIGKILL"),
    freeze: async () => dockerd?.signal("SIGSTOP"),
    thaw: async () => dockerd?.signal("SIGCONT"),
    removeEverything: () => removeEverything(docker),
  };
}

/** Sorted: the Engine lists those that were made in one second in any order. */
export const imageIds = async (docker: Docker): Promise<readonly string[]> =>
  (await docker("image", "ls", "--quiet")).split("\n").sort();

async function answering(dockerd: LongRunning, docker: Docker): Promise<void> {
  if (!dockerd.isRunning) throw new Error(`dockerd ended:\n${dockerd.lines.slice(-10).join("\n")}`);
  await docker("version", "--format", "{{.Server.Version}}");
}

async function commandOf(instance: Instance, socket: string): Promise<readonly string[]> {
  const dataRoot = join(cacheFolder, `data-${engineName}`);
  mkdirSync(dataRoot, { recursive: true });
  const flags = (data: string) => [
    ...[
      "--host",
      `unix://${socket}`,
      "--pidfile",
      "/run/docker.pid",
      "--exec-root",
      "/run/docker",
      "--data-root",
      data,
      "--storage-driver",
      "overlay2",
    ],
    // Whatever this machine's init is, cgroups are made by file.
    ...["--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", `/${CGROUP_PARENT}`],
  ];
  if (engineName === "debian") return instance.onInstance("dockerd", ...flags(dataRoot));
  if (engineName === "moby") {
    // Its nftables backend makes no network on a host that does not forward.
    await run(instance.onInstance("sysctl", "-qw", "net.ipv4.ip_forward=1"));
    const path = `PATH=${mobyFolder}:/usr/sbin:/usr/bin:/sbin:/bin`;
    const proxy = ["--userland-proxy-path", join(mobyFolder, "docker-proxy")];
    return instance.onInstance("env", path, "dockerd", ...flags(dataRoot), "--firewall-backend", "nftables", ...proxy);
  }
  const inForky = await forkyRoot(instance, dataRoot);
  return inForky("/usr/sbin/dockerd", ...flags("/var/lib/docker"));
}

/**
 * Makes Debian forky the root of a mount namespace, held by a program that sleeps. (A chroot will not do: a
 * namespace made inside one keeps the root outside it, and there `docker exec` would end up.)
 *
 * @returns the command that runs `command` in there
 */
async function forkyRoot(instance: Instance, dataRoot: string): Promise<(...command: string[]) => readonly string[]> {
  const root = join(cacheFolder, "rootfs-forky");
  const script = `${mountsOf({ root, dataRoot, folder: instance.folder })} echo ready; exec sleep infinity`;
  const holder = new LongRunning(
    instance.onInstance("unshare", "--mount", "--propagation", "private", "sh", "-ec", script),
  );
  await holder.waitForLine((line) => line === "ready");
  return (...command) => ["nsenter", "-t", `${holder.innermostPid}`, "--mount", "--net", "--pid", "--", ...command];
}

const mountsOf = ({ root, dataRoot, folder }: { root: string; dataRoot: string; folder: string }): string => `
mount --bind ${root} ${root}
mount -t proc proc ${root}/proc
mount --rbind /sys ${root}/sys
mount --rbind /dev ${root}/dev
mount -t tmpfs tmpfs ${root}/run
mount -t tmpfs tmpfs ${root}/tmp
mkdir -p ${root}/var/lib/docker ${root}${folder} ${root}${imageFolder} ${root}/run/outside
mount --bind ${dataRoot} ${root}/var/lib/docker
mount --bind ${folder} ${root}${folder}
mount --bind ${imageFolder} ${root}${imageFolder}
cd ${root}
pivot_root . run/outside
umount -l /run/outside
`;

/** Docker's, and podman's one by the two names it gives it. */
const BUILT_IN_NETWORKS = ["bridge", "host", "none", "podman"];

/** What a test or a run left: containers, networks, volumes. */
export async function removeEverything(docker: Docker): Promise<void> {
  const ids = async (...list: readonly string[]) => (await docker(...list)).split("\n").filter((id) => id !== "");
  const remove = async (found: readonly string[], ...command: readonly string[]) =>
    found.length > 0 && docker(...command, ...found);
  await remove(await ids("ps", "-aq"), "rm", "-fv");
  const networks = await ids("network", "ls", "--format", "{{.Name}}");
  await remove(
    networks.filter((name) => !BUILT_IN_NETWORKS.includes(name)),
    ...["network", "rm"],
  );
  await remove(await ids("volume", "ls", "-q"), "volume", "rm");
}

/** Imports the images that the engine does not have as scripts/e2e-setup.sh last made them. @returns their names */
export async function importImages(docker: Docker, names: readonly ImageName[]): Promise<readonly ImageName[]> {
  const imported: ImageName[] = [];
  for (const name of names) {
    const made = readFileSync(join(imageFolder, `${name}.made`), "utf8").trim();
    if ((await madeOf(docker, name)) === made) continue;
    await docker("import", "-c", `LABEL made=${made}`, "-c", PATH, join(imageFolder, `${name}.tar`), IMAGES[name]);
    imported.push(name);
  }
  return imported;
}

const PATH = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const madeOf = (docker: Docker, name: ImageName): Promise<string> =>
  docker("image", "inspect", "--format", '{{index .Config.Labels "made"}}', IMAGES[name]).catch(() => "");

/** @throws with the remedy when scripts/e2e-setup.sh has not run */
export function demandSetup(): void {
  const needed = [
    "images/small.tar",
    "images/aws.tar",
    "images/dind.tar",
    "images/base.tar",
    ...(engineName === "forky" ? ["rootfs-forky"] : []),
  ];
  const missing = needed.filter((name) => !existsSync(join(cacheFolder, name)));
  if (missing.length > 0) throw new Error(`${cacheFolder} lacks ${missing.join(", ")}: run scripts/e2e-setup.sh first`);
}
