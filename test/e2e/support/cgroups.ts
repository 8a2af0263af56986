import { existsSync } from "node:fs";
import { readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { CGROUP_PARENT } from "./engine.ts";

const ROOT = "/sys/fs/cgroup";

/** Removes what killed containers left below our own parent, in each hierarchy of version 1 and in version 2. */
export const removeCgroups = (): Promise<void> => removeCgroupsNamed(CGROUP_PARENT);

export async function removeCgroupsNamed(name: string): Promise<void> {
  for (const parent of await parents()) await removeTree(join(parent, name));
}

/** Those of runs that were killed, which could not. */
export async function removeLeftCgroups(): Promise<void> {
  const names = (await Promise.all((await parents()).map((parent) => readdir(parent)))).flat();
  for (const name of new Set(names)) {
    const pid = /^taskrole-(?:e2e|booted)-(\d+)(?:-|$)/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) await removeCgroupsNamed(name);
  }
}

async function parents(): Promise<readonly string[]> {
  const hierarchies = await readdir(ROOT, { withFileTypes: true });
  return [ROOT, ...hierarchies.filter((entry) => entry.isDirectory()).map((entry) => join(ROOT, entry.name))];
}

/** Deepest first, as the kernel wants it; a group with processes in it stays. */
async function removeTree(group: string): Promise<void> {
  const entries = await readdir(group, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(group, entry.name));
  await rmdir(group).catch(() => {});
}
