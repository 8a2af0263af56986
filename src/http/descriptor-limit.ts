import { readFileSync } from "node:fs";

/** For Docker, STS, upstream, /proc and the programs that are run: some thirty at once at the most, and a margin. */
const KEPT_FREE = 256;

/**
 * How many connections the process may hold without coming near its limit of descriptors. At that limit nobody new is
 * served whoever asks, Docker and STS cannot be asked, and Bun's accept spins until a descriptor is free.
 *
 * @param limits the text of /proc/self/limits; both runtimes raise the soft limit to the hard one when they start
 */
export function roomForConnections(limits = ownLimits()): number {
  const [, text] = /^Max open files +(\d+) /m.exec(limits) ?? [];
  if (text === undefined) return Number.POSITIVE_INFINITY;
  const descriptors = Number(text);
  return Math.max(descriptors - KEPT_FREE, Math.floor(descriptors / 2));
}

/** Empty where there is no /proc. */
function ownLimits(): string {
  try {
    return readFileSync("/proc/self/limits", "latin1");
  } catch {
    return "";
  }
}
