import { setTimeout as delay } from "node:timers/promises";
import type { Sleep } from "./deadline.ts";

export const sleep: Sleep = async (ms, signal) => {
  await delay(ms, undefined, { ...(signal && { signal }) });
};
