/**
 * A directory as the real service lists it: one entry a line, alphabetical, no last line feed, directories end in "/".
 */
export const listing = (entries: readonly string[]): string => [...new Set(entries)].sort().join("\n");
