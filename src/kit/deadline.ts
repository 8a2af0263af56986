/** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

export const TIMED_OUT: unique symbol = Symbol("timed out");

/** A reason of its own costs a tenth of the error that abort() makes without one. */
const OVER = "over";

/** Waits for a task at most `ms`; the task itself goes on. Its later failure is nobody's unhandled rejection. */
export async function withDeadline<T>(task: Promise<T>, ms: number, sleep: Sleep): Promise<T | typeof TIMED_OUT> {
  task.catch(() => {});
  const done = new AbortController();
  const timeOut = (): typeof TIMED_OUT => TIMED_OUT;
  const timer = sleep(ms, done.signal).then(timeOut, timeOut);
  try {
    return await Promise.race([task, timer]);
  } finally {
    done.abort(OVER);
  }
}
