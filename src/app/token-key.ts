import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface TokenKey {
  readonly key: Buffer;
  /** Set when the key could not be kept: tokens will then end with this process. */
  readonly keptNowhereBecause?: string;
}

const FILE = "token.key";
const KEY_BYTES = 32;

/**
 * The key of the metadata tokens, kept in the runtime directory so that tokens
 * survive a restart (SDKs hold them for six hours). /run is memory: nothing
 * secret reaches a disk, and a reboot ends the key as it ends every workload.
 */
export function tokenKey(directory: string): TokenKey {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    return { key: existingKey(join(directory, FILE)) ?? newKey(join(directory, FILE)) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return {
      key: randomBytes(KEY_BYTES),
      keptNowhereBecause: `${directory} cannot be written (${code ?? String(error)})`,
    };
  }
}

/** A file of another length is not a key of ours, and is replaced. */
function existingKey(path: string): Buffer | undefined {
  try {
    const key = readFileSync(path);
    return key.length === KEY_BYTES ? key : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Whole or not at all, and readable by its owner alone from the first moment. */
function newKey(path: string): Buffer {
  const key = randomBytes(KEY_BYTES);
  writeFileSync(`${path}.new`, key, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return key;
}
