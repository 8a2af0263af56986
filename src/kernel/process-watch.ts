import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { attempt } from "../kit/attempt.ts";

/** Tells whether one process, and not another that was given its number later, is still running. */
export interface ProcessWatch {
  /** False for good once the process has ended, also while it waits to be reaped, and after `close`. */
  isAlive(): boolean;
  close(): void;
}

const CONTAINER_ID = /^[0-9a-f]{64}$/;

/**
 * Watches a container's first process. Undefined when that cannot be proven to be the process: /proc shows another
 * pid namespace or hides it, it has ended, or its control groups are not the container's (`containerId` in full, as
 * a short one might be part of another path).
 *
 * The descriptor is opened first and read last: it belongs to one process for good, so the control groups read in
 * between, by number, were that process's.
 */
export function watchProcess(pid: number, containerId: string, proc = "/proc"): ProcessWatch | undefined {
  if (!CONTAINER_ID.test(containerId)) return undefined;
  const statm = attempt(() => openSync(`${proc}/${pid}/statm`, "r"));
  if (statm === undefined) return undefined;
  const watch = new StatmWatch(statm);
  const cgroups = attempt(() => readFileSync(`${proc}/${pid}/cgroup`, "latin1"));
  if (cgroups?.includes(containerId) && watch.isAlive()) return watch;
  watch.close();
  return undefined;
}

const ZERO = "0".charCodeAt(0);

/**
 * Holds /proc/PID/statm, "730 434 406 …" in pages: reading it fails with ESRCH once the process is gone, whatever
 * took its number, and begins with "0" once it has given up its memory (a zombie). One read takes 1.6 us on Node and
 * 1.1 us on Bun; of /proc/PID/stat, which says the same, 4.1 and 3.4 us.
 */
class StatmWatch implements ProcessWatch {
  readonly #firstByte = new Uint8Array(1);
  #descriptor: number | undefined;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  isAlive(): boolean {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) return false;
    const length = attempt(() => readSync(descriptor, this.#firstByte, 0, 1, 0));
    return length === 1 && this.#firstByte[0] !== ZERO;
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}
