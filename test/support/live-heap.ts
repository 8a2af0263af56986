import { createHash } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes that live: what is left of this program's heap after a collection. */
export const heapInUse = (): number => {
  collectGarbage();
  return process.memoryUsage().heapUsed;
};

/** Different for each seed, and made anew each time, as what is parsed is. */
export const freshHex = (seed: string, length: number): string =>
  createHash("shake256", { outputLength: length / 2 })
    .update(seed)
    .digest("hex");
