/** The path of this program, where it is one compiled executable; undefined on Node, and where Bun runs the source. */
export const ownExecutable = (): string | undefined =>
  process.versions["bun"] !== undefined && !process.execPath.endsWith("bun") ? process.execPath : undefined;
