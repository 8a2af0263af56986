import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { cgroup2MountIn } from "../../src/kernel/cgroup-path.ts";
import { ContainerCgroups } from "../../src/kernel/container-cgroups.ts";

const mount = cgroup2MountIn(readFileSync("/proc/self/mountinfo", "latin1"));
let made = 0;

/** Undefined when cgroups can be made on this machine; otherwise why not. */
export function whyNoCgroups(): string | undefined {
  if (mount === undefined) return "needs a mount of cgroup 2";
  try {
    const folder = join(mount, `taskrole-lab-${process.pid}-probe`);
    mkdirSync(folder);
    rmdirSync(folder);
    return undefined;
  } catch (error) {
    return `needs a cgroup 2 that it may make cgroups in: ${error}`;
  }
}

/** A part of cgroup 2 that is one test's alone: as if it were the whole. */
export class LabCgroups {
  readonly root = `taskrole-lab-${process.pid}-${made++}`;
  /** The parents that the product is told of: `${root}/docker`, `${root}/docker.slice`. */
  readonly parents = [`${this.root}/docker`, `${this.root}/docker.slice`];
  /** Where the daemon is. */
  daemonAt = "/";
  /** As if systemd put containers' scopes into the set of the packet rules. */
  areScopesTold = false;
  readonly cgroups = new ContainerCgroups(this.parents, {
    areScopesTold: () => this.areScopesTold,
    servicesSlice: `${this.root}/system.slice`,
    readOwn: () => `0::${this.daemonAt}\n`,
  });

  constructor() {
    this.make("");
  }

  /** @returns the folder */
  make(path: string): string {
    const folder = this.folder(path);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  folder(path: string): string {
    return join(mount ?? assert.fail("no cgroup 2"), this.root, path);
  }

  /** With all below it; no process may be in them. */
  remove(path: string): void {
    const folder = this.folder(path);
    for (const entry of readdirSync(folder, { withFileTypes: true }))
      if (entry.isDirectory()) this.remove(join(path, entry.name));
    rmdirSync(folder);
  }
}
