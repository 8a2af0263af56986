/** Rows of text in columns, the first to the left and the others to the right; the first row is the heading. */
export function table(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => pad(cell, i, widths[i] ?? 0))
        .join("   ")
        .trimEnd(),
    )
    .join("\n");
}

const pad = (cell: string, column: number, width: number): string =>
  column === 0 ? cell.padEnd(width) : cell.padStart(width);

/** NaN: there was nothing to compare with. */
export const ratio = (value: number, sign: string): string =>
  Number.isNaN(value) ? "-" : `${value.toFixed(2)}${sign}`;
export const whole = (value: number): string => (Number.isNaN(value) ? "-" : Math.round(value).toLocaleString("en"));
export const tenths = (value: number): string => (Number.isNaN(value) ? "-" : value.toFixed(1));
export const milliseconds = (microseconds: number): string => (microseconds / 1000).toFixed(2);
export const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
