import { readFileSync } from "node:fs";
import { z } from "zod";
import type { Config } from "../app/options.ts";
import { parseEndpoint } from "../docker/engine-endpoint.ts";
import { getAnswer } from "../docker/engine-http.ts";
import { isWithin } from "../kernel/cgroup-path.ts";
import { attempt } from "../kit/attempt.ts";

/** Of GET /info. https://docs.docker.com/reference/api/engine/version/v1.45/#tag/System/operation/SystemInfo */
const InfoShape = z.object({
  CgroupDriver: z.enum(["cgroupfs", "systemd"]),
  CgroupVersion: z.literal("2"),
  SecurityOptions: z.array(z.string()).nullish(),
});
const SettingsShape = z.object({ "cgroup-parent": z.string().optional() });

const INFO_TIMEOUT_MS = 2_000;

export interface EngineFiles {
  /** https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file */
  readonly settings: string;
  /** Where dockerd writes its process id. */
  readonly pid: string;
}
const ENGINE_FILES: EngineFiles = { settings: "/etc/docker/daemon.json", pid: "/run/docker.pid" };

/**
 * Where Docker will make its containers' cgroups when that is none of `containerCgroups`: "system.slice". It shows before
 * there is a container. Undefined where all is well or it cannot be told: Docker does not run, is rootless, or has cgroup 1.
 */
export async function unnamedCgroup(
  { dockerEndpoint, containerCgroups }: Pick<Config, "dockerEndpoint" | "containerCgroups">,
  files: EngineFiles = ENGINE_FILES,
): Promise<string | undefined> {
  const driver = await driverOf(dockerEndpoint);
  if (driver === undefined) return undefined;
  const cgroup = cgroupOfContainers(driver, cgroupParent(files));
  return containerCgroups.some((named) => isWithin(`/${cgroup}`, named)) ? undefined : cgroup;
}

type CgroupDriver = z.output<typeof InfoShape>["CgroupDriver"];

async function driverOf(dockerEndpoint: string): Promise<CgroupDriver | undefined> {
  const endpoint = parseEndpoint(dockerEndpoint);
  if (endpoint.kind === "bad-endpoint") return undefined;
  const answer = await getAnswer({ endpoint, path: "/info", timeoutMs: INFO_TIMEOUT_MS }).catch(() => undefined);
  const info = InfoShape.safeParse(attempt(() => JSON.parse(answer?.body ?? "")));
  return info.data?.SecurityOptions?.includes("name=rootless") ? undefined : info.data?.CgroupDriver;
}

/** As dockerd was told; a flag and a setting of the same name it does not take. Empty is its default. */
function cgroupParent({ settings, pid }: EngineFiles): string {
  const running = attempt(() => readFileSync(`/proc/${readFileSync(pid, "latin1").trim()}/cmdline`, "latin1")) ?? "";
  const flag = /(?:^|\0)--cgroup-parent[=\0]([^\0]*)/.exec(running)?.[1];
  const set = SettingsShape.safeParse(attempt(() => JSON.parse(readFileSync(settings, "utf8"))));
  return flag ?? set.data?.["cgroup-parent"] ?? "";
}

/**
 * @param parent a slice for systemd's driver, a path for the other; empty: Docker's default
 * @returns from the root of cgroup 2, as `containerCgroups` names it
 */
function cgroupOfContainers(driver: CgroupDriver, parent: string): string {
  if (driver === "cgroupfs") return parent.replace(/^\/+/, "") || "docker";
  return slicePath(parent || "system.slice");
}

/** systemd.slice(5): "a-b.slice" lies in "a.slice". https://www.freedesktop.org/software/systemd/man/latest/systemd.slice.html */
function slicePath(slice: string): string {
  const parts = slice.replace(/\.slice$/, "").split("-");
  return parts.map((_, place) => `${parts.slice(0, place + 1).join("-")}.slice`).join("/");
}
