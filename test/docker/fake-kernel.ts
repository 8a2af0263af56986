import type { AddressOwner, Enforcement } from "../../src/broker/address-enforcement.ts";

/** What the kernel is asked, and does: a test opens its gates and takes its rules away. */
export class FakeKernel {
  readonly asked: AddressOwner[] = [];
  released = 0;
  trouble: Error | undefined;
  gate: PromiseWithResolvers<void> | undefined;
  #generation = 0;
  #links = 0;

  readonly enforce = async (owner: AddressOwner): Promise<Enforcement> => {
    this.asked.push(owner);
    await this.gate?.promise;
    if (this.trouble) throw this.trouble;
    const [generation, links] = [this.#generation, this.#links];
    let isHeld = true;
    const release = (): void => {
      this.released += isHeld ? 1 : 0;
      isHeld = false;
    };
    const isLinked = (): boolean => {
      if (links !== this.#links) release();
      return links === this.#links;
    };
    return { isInForce: () => isHeld && generation === this.#generation, isLinked, release };
  };

  /** Containers are disconnected and connected again; nobody tells. */
  replaceLinks(): void {
    this.#links += 1;
  }

  /** The table is lost, and loaded again. */
  lose(): void {
    this.#generation += 1;
  }
}
