import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { begin, type Command, linesOf } from "./programs.ts";

const REMOVAL_TRIES = 100;
const REMOVAL_PAUSE_MS = 50;

/**
 * A process for each container, in a control group named after it, so that taskrole watches them as it watches real
 * ones: it reads /proc/PID/statm at every request. They end, and their groups go, with the stack.
 *
 * @param program stand-ins.c, compiled, and what comes after the number of processes
 * @returns their pids, in the order of the ids; throws where control groups cannot be made
 */
export async function standIns(
  [program, ...args]: Command,
  containerIds: readonly string[],
  stack: AsyncDisposableStack,
): Promise<readonly number[]> {
  const parent = mkdtempSync(join(groupRoot(), "taskrole-bench-"));
  const groups = containerIds.map((id) => join(parent, id));
  stack.defer(() => removeGroups([...groups, parent]));
  const keeper = begin([program, String(containerIds.length), ...args], ["pipe", "pipe", "inherit"]);
  stack.defer(keeper.stop);
  const pids: number[] = [];
  for await (const line of linesOf(keeper)) {
    if (pids.push(Number(line)) === containerIds.length) break;
  }
  for (const [i, group] of groups.entries()) {
    mkdirSync(group);
    writeFileSync(join(group, "cgroup.procs"), String(pids[i]));
  }
  return pids;
}

/** Where groups are made: version 2, or version 1's hierarchy without controllers. */
function groupRoot(): string {
  const mounts = readFileSync("/proc/self/mounts", "latin1").split("\n");
  const isRoot = (line: string): boolean => / cgroup2 /.test(line) || /\bname=systemd\b/.test(line);
  const root = mounts.find(isRoot)?.split(" ")[1];
  if (root === undefined) throw new Error("no control groups are mounted");
  return root;
}

/** A group goes once its last process has been reaped, which takes a moment. */
async function removeGroups(groups: readonly string[]): Promise<void> {
  let left = groups;
  for (let tries = 0; left.length > 0 && tries < REMOVAL_TRIES; tries += 1) {
    left = left.filter((group) => !isRemoved(group));
    if (left.length > 0) await delay(REMOVAL_PAUSE_MS);
  }
}

function isRemoved(group: string): boolean {
  try {
    rmdirSync(group);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}
