import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";

/** A folder into which an installation could not write. */
export interface Unwritable {
  readonly path: string;
  /** The system's, e.g. "EROFS". */
  readonly code: string;
}

/** Into these something is written, and nobody makes them. */
export const unwritable = (folders: readonly string[]): readonly Unwritable[] =>
  [...new Set(folders)].flatMap((path) => {
    const code = refusalOf(path);
    return code === undefined ? [] : [{ path, code }];
  });

/** What does not exist yet is made in the nearest folder above it that does. */
export const nearestExisting = (path: string): string =>
  refusalOf(path) === "ENOENT" && path !== dirname(path) ? nearestExisting(dirname(path)) : path;

/** Of anyone but root's being refused (EACCES) nothing follows for root. */
function refusalOf(path: string): string | undefined {
  try {
    accessSync(path, constants.W_OK);
    return undefined;
  } catch (error) {
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    return code === "EACCES" ? undefined : code;
  }
}
