import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

export interface Memory {
  /** VmRSS: with the pages of the executable that have been touched, which several processes would share. */
  readonly residentBytes: number;
  /** RssAnon: the process's own. */
  readonly ownBytes: number;
}

const TICKS_A_SECOND = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
/** proc_pid_stat(5): utime and stime are fields 14 and 15; the count begins after the name, which is field 2. */
const UTIME = 14 - 3;
const STIME = 15 - 3;
/** Of the children that have ended and been waited for. */
const CUTIME = 16 - 3;
const CSTIME = 17 - 3;

/** CPU time of all threads so far, user and system, in seconds. As fine as the kernel's clock tick, mostly 10 ms. */
export const cpuSeconds = (pid: number): number => cpuFields(pid, [UTIME, STIME]);

/** The same with that of all programs it ever started, those that still run and those that have ended. */
export function familyCpuSeconds(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").split(" ").filter(Boolean);
  const running = children.map((child) => cpuSeconds(Number(child)));
  return cpuFields(pid, [UTIME, STIME, CUTIME, CSTIME]) + running.reduce((sum, seconds) => sum + seconds, 0);
}

function cpuFields(pid: number, numbers: readonly number[]): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return numbers.reduce((ticks, number) => ticks + Number(fields[number]), 0) / TICKS_A_SECOND;
}

export function memory(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const bytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * 1024;
  return { residentBytes: bytes("VmRSS"), ownBytes: bytes("RssAnon") };
}
