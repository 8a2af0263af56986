import type { RunOptions } from "./wall.ts";

/** A few seconds' worth. */
const CASES = 10_000;
const SEEDS = 1_000_000_000;

/** Other cases each time, unless WALL_SEED says which; WALL_CASES for the long run. A failure names its seed. */
export function seedAndCases(): RunOptions {
  const { WALL_SEED, WALL_CASES } = process.env;
  return { seed: Number(WALL_SEED ?? Date.now() % SEEDS), cases: Number(WALL_CASES ?? CASES) };
}
