import type { Reply } from "./exchange.ts";

/**
 * Everything that can be reached from a directory by following its listings, as cloud-init reads it, one after
 * another: what ends in a slash is a directory, anything else a document. By path, in the order of the listings.
 *
 * @param root with its slash at the end
 */
export async function crawl(get: (path: string) => Promise<Reply>, root: string): Promise<ReadonlyMap<string, Reply>> {
  const listing = await get(root);
  const found = new Map([[root, listing]]);
  if (listing.status !== 200) return found;
  for (const entry of listing.body.split("\n")) {
    if (!entry.endsWith("/")) found.set(root + entry, await get(root + entry));
    else for (const [path, reply] of await crawl(get, root + entry)) found.set(path, reply);
  }
  return found;
}
