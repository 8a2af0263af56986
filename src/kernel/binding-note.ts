import type { EpochMs } from "../core/credentials.ts";
import { utcSeconds } from "../core/utc-seconds.ts";

/** What is kept in the kernel beside a binding. nft takes 128 bytes, and no quotes within. */
export const bindingNote = (owner: string, boundAt: EpochMs): string =>
  `${owner.replace(/[^\w.() -]/g, "-").slice(0, 90)} since ${utcSeconds(boundAt)}`;

/** When the binding was made. Undefined where the note is none of {@link bindingNote}'s. */
export function boundAtIn(note: string): EpochMs | undefined {
  const at = Date.parse(/ since ([\dTZ:-]{20})$/.exec(note)?.[1] ?? "");
  return Number.isNaN(at) ? undefined : at;
}
