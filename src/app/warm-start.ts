import { withDeadline } from "../kit/deadline.ts";
import { sleep } from "../kit/sleep.ts";
import type { Service } from "./services.ts";

export interface WarmStart {
  /** The first to start. */
  readonly begin: Service;
  /** Before anybody is accepted. */
  readonly complete: Service;
}

/** As long as a restart may be prolonged by it, when the host's metadata or STS is slow. */
const AT_MOST_MS = 300;

/**
 * Makes ready what the first call to STS needs (some 100 ms, mostly of loading the SDK) beside the other parts' starts, and
 * waits for it before the first connection is accepted. All sessions have to be fetched anew after a restart, and a request
 * waits 350 ms for its own: while it is not accepted yet, that time does not run.
 *
 * @param warm may be called again later, by whoever needs it to succeed
 */
export function warmStart(warm: () => Promise<unknown>): WarmStart {
  let warmed: Promise<unknown> = Promise.resolve();
  return {
    begin: {
      name: "warm start",
      start: async () => {
        warmed = warm().catch(() => {}); // it fails again, loudly, where it is needed
      },
      stop: async () => {},
    },
    complete: {
      name: "warm start",
      start: async () => void (await withDeadline(warmed, AT_MOST_MS, sleep)),
      stop: async () => {},
    },
  };
}
