/**
 * `node session-memory.ts`: the live memory that one session takes, in bytes: what is left of it after a
 * collection, in the same source on Node (the executable's runtime keeps room for garbage besides).
 */
import { createHash } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { grantOf, sessionCache } from "../test/support/sessions.ts";

const SESSIONS = 5_000;
const TOKEN_LENGTH = 1_000;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const heapInUse = (): number => {
  collectGarbage();
  return process.memoryUsage().heapUsed;
};

/** Different for each, and made anew each time, as what is parsed is. */
const hex = (seed: string, length: number): string =>
  createHash("shake256", { outputLength: length / 2 })
    .update(seed)
    .digest("hex");

/** Nobody waits for STS's pace here. */
let clock = Date.now();
const cache = sessionCache(
  async ({ roleName }) => ({
    accessKeyId: hex(`id ${roleName}`, 20),
    secretAccessKey: hex(`key ${roleName}`, 40),
    sessionToken: hex(`token ${roleName}`, TOKEN_LENGTH),
    issuedAt: clock,
    expiresAt: clock + 3_600_000,
  }),
  {
    now: () => clock,
    sleep: async (ms) => {
      clock += ms;
    },
  },
);
const before = heapInUse();
for (let i = 0; i < SESSIONS; i += 1) await cache.get(grantOf(`role-${i}`), "awaited");
process.stdout.write(`${Math.round((heapInUse() - before) / SESSIONS)}\n`);
if (cache.size !== SESSIONS) throw new Error(`${cache.size} sessions are kept instead of ${SESSIONS}`);
