import { readFileSync } from "node:fs";

/** What a reader of the page types: the text of each of its shell blocks. */
export const commandsOf = (page: string): readonly string[] =>
  [...readFileSync(page, "utf8").matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = ""]) => text);

/** The one block of the page that begins with these words. */
export function commandOf(page: string, beginning: string): string {
  const found = commandsOf(page).filter((text) => text.startsWith(beginning));
  if (found.length !== 1) throw new Error(`${page} has ${found.length} shell blocks that begin with "${beginning}"`);
  return found[0] ?? "";
}
