/**
 * A directory as the real service lists it: one entry a line, no last line
 * feed, directories end in "/". What is listed can be fetched and what cannot
 * be fetched is not listed: a crawler that meets a listed 404 gives up (cloud-init does).
 */
export function filteredListing(upstream: string, shown: ReadonlySet<string>): string[] {
  return upstream.split("\n").filter((line) => shown.has(line.replace(/\/$/, "")));
}

/** Alphabetical, as the real service sorts. */
export const listing = (entries: readonly string[]): string => [...entries].sort().join("\n");
