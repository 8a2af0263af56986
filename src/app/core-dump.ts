import { writeFileSync } from "node:fs";

/**
 * A core file of this process will hold none of its memory, where there are
 * keys and tokens: no kind of mapping is selected.
 * https://man7.org/linux/man-pages/man5/core.5.html ("Controlling which mappings are written")
 *
 * @returns why it could not be arranged, or undefined
 */
export function keepMemoryOutOfCoreFiles(filter = "/proc/self/coredump_filter"): string | undefined {
  try {
    writeFileSync(filter, "0");
    return undefined;
  } catch (error) {
    return `${filter} cannot be written (${(error as NodeJS.ErrnoException).code})`;
  }
}
