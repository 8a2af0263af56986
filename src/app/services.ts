/** A part of the daemon that runs: started in order, stopped in reverse. */
export interface Service {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts every service or none: when one fails, those already up are stopped
 * before its error is rethrown. Returns the way to stop them all, which tries
 * each even when an earlier one fails.
 */
export async function startAll(services: readonly Service[]): Promise<() => Promise<void>> {
  const up: Service[] = [];
  const stopAll = async (): Promise<void> => {
    const errors: unknown[] = [];
    for (const service of up.splice(0).reverse()) {
      await service.stop().catch((error: unknown) => errors.push(error));
    }
    if (errors.length > 0) throw new AggregateError(errors, "some parts did not stop cleanly");
  };
  for (const service of services) {
    try {
      await service.start();
      up.push(service);
    } catch (error) {
      await stopAll();
      throw error;
    }
  }
  return stopAll;
}
