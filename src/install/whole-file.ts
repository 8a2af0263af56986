import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { attempt } from "../kit/attempt.ts";

const draftOf = (path: string): string => `${path}.taskrole-new`;

/** Whole or not at all, also when the disk is full or the power goes: a program that runs may be replaced by it. */
export function writeWhole(path: string, bytes: string | Uint8Array, mode: number): void {
  try {
    writeDraft(draftOf(path), bytes, mode);
    renameSync(draftOf(path), path);
  } catch (error) {
    attempt(() => removeDraft(path)); // a full disk needs its room
    throw error;
  }
}

function writeDraft(path: string, bytes: string | Uint8Array, mode: number): void {
  const draft = openSync(path, "w", mode);
  try {
    writeFileSync(draft, bytes); // all of it, or an error: a full disk may take a part
    fchmodSync(draft, mode);
    fsyncSync(draft);
  } finally {
    closeSync(draft);
  }
}

/** What a writing left that was interrupted. */
export const removeDraft = (path: string): void => rmSync(draftOf(path), { force: true });
