import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";

const draftOf = (path: string): string => `${path}.taskrole-new`;

/** Whole or not at all, also when the disk is full or the power goes: a program that runs may be replaced by it. */
export function writeWhole(path: string, bytes: string | Uint8Array, mode: number): void {
  const draft = openSync(draftOf(path), "w", mode);
  writeFileSync(draft, bytes); // all of it, or an error: a full disk may take a part
  fchmodSync(draft, mode);
  fsyncSync(draft);
  closeSync(draft);
  renameSync(draftOf(path), path);
}

/** What a writing left that was interrupted. */
export const removeDraft = (path: string): void => rmSync(draftOf(path), { force: true });
