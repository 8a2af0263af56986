import { median } from "../../../bench/statistics.ts";

/**
 * By how much a row of samples rose from the middle value of its first third to that of its last. What is collected now
 * and then makes it go up and down; a leak makes both go up.
 */
export function rise(samples: readonly number[]): number {
  const third = Math.floor(samples.length / 3);
  return median(samples.slice(-third)) - median(samples.slice(0, third));
}
