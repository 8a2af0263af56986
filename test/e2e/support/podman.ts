import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CGROUP_PARENT, type Docker, type Engine, removeEverything } from "./engine.ts";
import type { Instance } from "./instance.ts";
import { eventually, LongRunning, run } from "./programs.ts";
import { cacheFolder } from "./settings.ts";

/**
 * Podman's Docker-compatible service on the instance, as root, with netavark. It is no daemon: containers run on
 * without it, each under a conmon of its own, and `liveRestore` changes nothing.
 */
export async function createPodman(instance: Instance): Promise<Engine> {
  const socket = join(instance.folder, "podman.sock");
  const env = writeSettings(instance.folder);
  const docker: Docker = (...args) =>
    run(["docker", ...inOwnCgroup(args)], { env: { DOCKER_HOST: `unix://${socket}` }, timeoutMs: 120_000 });
  const command = instance.onInstance("podman", "system", "service", "--time", "0", `unix://${socket}`);
  let service: LongRunning | undefined;
  return {
    socket,
    docker,
    async start() {
      if (service?.isRunning) throw new Error("the podman service runs already");
      const started = new LongRunning(command, env);
      service = started;
      await eventually(async () => {
        if (!started.isRunning) throw new Error(`podman ended:\n${started.lines.slice(-10).join("\n")}`);
        await docker("version", "--format", "{{.Server.Version}}");
      }, 30_000);
    },
    stop: async () => service?.stop("SIGTERM", 40_000),
    kill: async () => service?.stop("SIGKILL"),
    freeze: async () => service?.signal("SIGSTOP"),
    thaw: async () => service?.signal("SIGCONT"),
    removeEverything: () => removeEverything(docker),
  };
}

/** Podman has no setting for where the control groups of all containers lie. */
function inOwnCgroup([command = "", ...args]: readonly string[]): readonly string[] {
  return command === "run" ? [command, "--cgroup-parent", `/${CGROUP_PARENT}`, ...args] : [command, ...args];
}

/**
 * The limits and the runtime are for machines whose root lacks CAP_SYS_RESOURCE: podman would raise limits, and crun
 * sets what it may not.
 */
function writeSettings(folder: string): NodeJS.ProcessEnv {
  const [settings, storage] = [join(folder, "containers.conf"), join(folder, "storage.conf")];
  const dataRoot = join(cacheFolder, "data-podman");
  mkdirSync(dataRoot, { recursive: true });
  writeFileSync(
    settings,
    `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "/run/libpod"
[network]
network_backend = "netavark"
network_config_dir = "${join(dataRoot, "networks")}"
`,
  );
  writeFileSync(
    storage,
    `[storage]\ndriver = "overlay"\ngraphroot = "${dataRoot}"\nrunroot = "/run/containers/storage"\n`,
  );
  return { CONTAINERS_CONF: settings, CONTAINERS_STORAGE_CONF: storage };
}
