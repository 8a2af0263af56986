import { readFileSync } from "node:fs";

/**
 * How long a process was ready to run and had no processor, since it started: what the machine's other work cost it,
 * and not a delay of its own. https://docs.kernel.org/scheduler/sched-stats.html
 */
export function runQueueDelayMs(pid: number): number {
  const [, waitedNs = 0] = readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ").map(Number);
  return waitedNs / 1e6;
}
