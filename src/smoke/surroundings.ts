import { readFileSync } from "node:fs";
import { arch, release } from "node:os";
import type { Config } from "../app/options.ts";
import { runHostProgram } from "../kernel/host-programs.ts";
import { attempt } from "../kit/attempt.ts";
import type { Docker } from "../probe/docker-cli.ts";
import { type BootFacts, parseUnits, SYSTEMCTL_SHOW } from "./boot-order.ts";
import type { Surroundings } from "./report.ts";

const DOCKER_VERSION = "{{.Server.Version}}, API {{.Server.APIVersion}}";
const DOCKER_INFO = "{{.CgroupDriver}}, cgroup {{.CgroupVersion}}; {{.SecurityOptions}}";

/** The versions that an answer to an issue begins with. @throws StartError where no engine answers */
export async function surroundings(docker: Docker, config: Config, version: string): Promise<Surroundings> {
  const { interception, metadataTokens, hostNetwork, containerCredentials } = config;
  return [
    ["taskrole", version],
    ["Docker", await docker("version", "--format", DOCKER_VERSION)],
    ["Docker's cgroup driver and security options", await docker("info", "--format", DOCKER_INFO)],
    ["system", `${distribution()}, ${arch()}`],
    ["kernel", release()],
    ["SELinux", selinux()],
    ["nft", await versionOf(["nft", "--version"])],
    ["iproute2", await versionOf(["ip", "-V"])],
    [
      "settings",
      Object.entries({ interception, metadataTokens, hostNetwork, containerCredentials }).map(pair).join(", "),
    ],
  ];
}

/** Undefined where systemd does not run this host. */
export async function bootFacts(): Promise<BootFacts> {
  const outcome = await runHostProgram(SYSTEMCTL_SHOW);
  return outcome.kind === "exited" && outcome.code === 0 ? parseUnits(outcome.stdout) : undefined;
}

const pair = ([name, value]: readonly [string, string]): string => `${name} ${value}`;

/** https://www.freedesktop.org/software/systemd/man/latest/os-release.html */
const distribution = (): string =>
  /^PRETTY_NAME="?([^"\n]*)/m.exec(attempt(() => readFileSync("/etc/os-release", "utf8")) ?? "")?.[1] ?? "unknown";

/** https://github.com/SELinuxProject/selinux-notebook/blob/main/src/lsm_selinux.md#selinux-filesystem */
function selinux(): string {
  const enforce = attempt(() => readFileSync("/sys/fs/selinux/enforce", "latin1"));
  if (enforce === undefined) return "off";
  return enforce.trim() === "1" ? "enforcing" : "permissive";
}

async function versionOf(argv: readonly string[]): Promise<string> {
  const outcome = await runHostProgram(argv);
  return outcome.kind === "exited" ? outcome.stdout.trim() : outcome.kind;
}
