/**
 * `node session-memory.ts`: the live memory that one session takes, in bytes: what is left of it after a
 * collection, in the same source on Node (the executable's runtime keeps room for garbage besides).
 */
import { freshHex, heapInUse } from "../test/support/live-heap.ts";
import { grantOf, sessionCache } from "../test/support/sessions.ts";

const SESSIONS = 5_000;
const TOKEN_LENGTH = 1_000;

/** Nobody waits for STS's pace here. */
let clock = Date.now();
const cache = sessionCache(
  async ({ roleName }) => ({
    accessKeyId: freshHex(`id ${roleName}`, 20),
    secretAccessKey: freshHex(`key ${roleName}`, 40),
    sessionToken: freshHex(`token ${roleName}`, TOKEN_LENGTH),
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
