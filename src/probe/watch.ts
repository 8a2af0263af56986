import { z } from "zod";
import { sleep } from "../kit/sleep.ts";
import type { Answer, Destination } from "./exchange.ts";
import { askRoles, askToken, roleIn } from "./sight.ts";

/** What came while a container asked for its role again and again: "role web-reader", "503", "ECONNREFUSED". */
export const Watch = z.object({
  /** How often each came. */
  answers: z.record(z.string(), z.number()),
  last: z.string(),
});
export type Watch = z.infer<typeof Watch>;

const BETWEEN_MS = 50;

/** Asks until told to stop, each time with a token of its own and on connections of its own. */
export async function watch(to: Destination, stop: AbortSignal): Promise<Watch> {
  const answers: Record<string, number> = {};
  let last = "";
  while (!stop.aborted) {
    const token = await askToken(to);
    last = wordFor("status" in token && token.status === 200 ? await askRoles(to, token) : token);
    answers[last] = (answers[last] ?? 0) + 1;
    await sleep(BETWEEN_MS, stop).catch(() => undefined);
  }
  return { answers, last };
}

function wordFor(answer: Answer): string {
  if ("error" in answer) return answer.error;
  return answer.status === 200 ? `role ${roleIn(answer)}` : String(answer.status);
}
