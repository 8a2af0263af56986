export interface BackoffOptions {
  /** How often in a row it has failed: 1 after the first time. */
  readonly failures: number;
  readonly baseMs: number;
  readonly capMs: number;
  /** In [0, 1). */
  readonly random: () => number;
}

/**
 * How long to wait before the next try: anything up to a bound that doubles, so that those who failed together do not
 * come back together. https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ("full jitter")
 */
export const fullJitterMs = ({ failures, baseMs, capMs, random }: BackoffOptions): number =>
  random() * boundMs(failures, baseMs, capMs);

/** baseMs after the first failure, twice that after the second, capMs at the most. */
export const boundMs = (failures: number, baseMs: number, capMs: number): number =>
  Math.min(capMs, baseMs * 2 ** (failures - 1));
