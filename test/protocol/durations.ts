import { setTimeout as sleep } from "node:timers/promises";

/** How long each of them took, one after another, in milliseconds. */
export async function timed(times: number, task: () => Promise<unknown>): Promise<readonly number[]> {
  const durations: number[] = [];
  for (let i = 0; i < times; i += 1) {
    const begin = performance.now();
    await task();
    durations.push(performance.now() - begin);
  }
  return durations;
}

/** The smallest duration that at least `share` of them do not exceed. */
export function percentile(durations: readonly number[], share: number): number {
  const sorted = durations.toSorted((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
}

export const median = (durations: readonly number[]): number => percentile(durations, 0.5);

const TRIES = 8;

/** A neighbour may have the processors for a moment: what the program can do is the least of a few tries. */
export async function leastOf(wantedMs: number, measure: () => Promise<number>): Promise<number> {
  let least = await measure();
  for (let tries = 1; tries < TRIES && least >= wantedMs; tries += 1) {
    await sleep(tries * 100);
    least = Math.min(least, await measure());
  }
  return least;
}
