import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { removeCgroupsNamed, removeLeftCgroups } from "./cgroups.ts";
import { type Instance, linkOfEc2, placeOfEc2, strangersAt, watch, wireOfInstance } from "./instance.ts";
import { eventually, LongRunning, type Ran, run, tryRun } from "./programs.ts";
import { cacheFolder, imageFolder } from "./settings.ts";

/** The root file system that scripts/e2e-setup.sh makes of what docs/install/debian.md names. */
export const debianHost = join(cacheFolder, "debian-host");

/** A Debian host with systemd as its first process. What it writes outlives a power cut; its network and its /run do not. */
export interface BootedHost extends Instance {
  boot(): Promise<void>;
  /** From one moment to the next, all of its processes. */
  cutPower(): Promise<void>;
  /** As root, in a shell of its own. */
  shell(script: string): Promise<Ran>;
  /** The same, which must succeed. @returns what it printed */
  must(script: string): Promise<string>;
}

export async function createBootedHost(): Promise<BootedHost> {
  assert.ok(existsSync(join(debianHost, ".made")), `${debianHost} is not there: run scripts/e2e-setup.sh first`);
  await removeLeftCgroups();
  const folder = await mkdtemp(join(tmpdir(), `taskrole-booted-${process.pid}-`));
  for (const name of ["upper", "work", "root", "docker"]) mkdirSync(join(folder, name));
  const ec2 = new LongRunning(["unshare", "--net", "sh", "-c", "echo ready; exec sleep infinity"]);
  await ec2.waitForLine((line) => line === "ready");
  const atEc2 = (...command: readonly string[]) => ["nsenter", "-t", `${ec2.pid}`, "--net", "--", ...command];
  await run(atEc2("sh", "-ec", placeOfEc2));
  await run(atEc2("nft", "-f", "-"), { input: watch });
  let machine: LongRunning | undefined;
  const name = basename(folder);
  const onInstance = (...command: readonly string[]) => [
    ...["nsenter", "-t", `${machine?.innermostPid ?? 0}`, ...NAMESPACES, "--", "env", "-i", `PATH=${PATH}`, "LANG=C"],
    ...command,
  ];
  const must = (script: string) => run(onInstance("sh", "-ec", script), { timeoutMs: 120_000 });
  const cutPower = async () => {
    await machine?.stop("SIGKILL");
    await tryRun(atEc2("ip", "link", "del", "ec20")); // the kernel takes its time to do so
    machine = undefined;
    await removeCgroupsNamed(name);
  };
  const remove = async () => {
    await cutPower();
    await ec2.stop("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  };
  return {
    folder,
    onInstance,
    atEc2,
    strangersAtMetadata: () => strangersAt(atEc2),
    async boot() {
      const world = { FOLDER: folder, LOWER: debianHost, IMAGES: imageFolder, EC2: `${ec2.pid}`, GROUP: name };
      machine = new LongRunning(["bash", BOOT], { ...world, WIRE: wireOfInstance, LINK: linkOfEc2 });
      const isUp = async () => {
        assert.ok(machine?.isRunning, `the machine does not boot:\n${machine?.lines.join("\n")}`);
        const { stdout } = await tryRun(onInstance("systemctl", "is-system-running"));
        assert.match(stdout, /^(?:running|degraded)$/m);
      };
      await eventually(isUp, 90_000).catch(async (error: unknown) => {
        await remove();
        throw error;
      });
    },
    cutPower,
    shell: (script) => tryRun(onInstance("sh", "-c", script), { timeoutMs: 120_000 }),
    must,
    remove,
  };
}

const BOOT = "test/e2e/images/boot-host.sh";
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const NAMESPACES = ["--mount", "--net", "--pid", "--ipc", "--uts", "--cgroup"];
