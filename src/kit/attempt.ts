/** For where the answer is the same whatever is in the way: nothing is known. */
export function attempt<T>(task: () => T): T | undefined {
  try {
    return task();
  } catch {
    return undefined;
  }
}
