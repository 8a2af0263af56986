import { boundMs } from "../kit/backoff.ts";
import type { Sleep } from "../kit/deadline.ts";

export interface UntilDoneOptions {
  /** What is to succeed once. */
  readonly task: () => Promise<void>;
  /** Told of the first failure alone. */
  readonly onTrouble: (error: unknown) => void;
  /** Told when it succeeded at last, after having failed. */
  readonly onRecovery: () => void;
  readonly sleep: Sleep;
  /** In [0, 1): hosts that failed together do not come again together. */
  readonly random: () => number;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/** Tries again and again, with growing pauses, until it succeeds or is told to stop. Never rejects. */
export async function untilDone(options: UntilDoneOptions, stopped: AbortSignal): Promise<void> {
  const { task, onTrouble, onRecovery, sleep, random } = options;
  for (let failures = 0; !stopped.aborted; failures += 1) {
    const outcome = await task().then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    if (outcome === undefined) return failures > 0 ? onRecovery() : undefined;
    if (failures === 0 && !stopped.aborted) onTrouble(outcome.error);
    const pauseMs = boundMs(failures + 1, FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
    await sleep(pauseMs * (0.5 + random() / 2), stopped).catch(() => {}); // told to stop meanwhile
  }
}
