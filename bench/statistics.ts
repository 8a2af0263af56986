/** The middle one; of an even number the upper of the two. NaN of none. */
export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** The smallest value that so many percent of them do not exceed. NaN of none. */
export const percentile = (values: readonly number[], percent: number): number =>
  [...values].sort((a, b) => a - b)[Math.max(0, Math.ceil((values.length * percent) / 100) - 1)] ?? Number.NaN;

/**
 * The median of the ratios of each turn. Two runs of one turn have the same neighbours on the machine, so their ratio
 * is steadier than the ratio of two medians.
 */
export const medianRatio = (values: readonly number[], bases: readonly number[]): number =>
  median(values.flatMap((value, turn) => (bases[turn] === undefined ? [] : value / bases[turn])));
