/** Takes what is to be undone at the end. */
export interface Teardown {
  defer(undo: () => Promise<unknown>): void;
}

/**
 * Runs a task and then, whatever came of it, all that it deferred, the last first. As `await using` with an
 * AsyncDisposableStack would, which Node has from 24 on only: https://nodejs.org/api/globals.html
 *
 * @throws what the task threw, or else the first that failed of what was to be undone
 */
export async function withTeardown<T>(task: (teardown: Teardown) => Promise<T>): Promise<T> {
  const undos: (() => Promise<unknown>)[] = [];
  const result = await settled(() => task({ defer: (undo) => void undos.push(undo) }));
  const undone: PromiseSettledResult<unknown>[] = [];
  for (const undo of undos.reverse()) undone.push(await settled(undo));
  for (const each of [result, ...undone]) if (each.status === "rejected") throw each.reason;
  return (result as PromiseFulfilledResult<T>).value;
}

const settled = async <T>(task: () => Promise<T>): Promise<PromiseSettledResult<T>> => {
  const [result] = await Promise.allSettled([(async () => task())()]);
  return result;
};
