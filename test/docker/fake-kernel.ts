import type { AddressOwner, Enforcement } from "../../src/broker/address-enforcement.ts";

/** What the kernel is asked, and does: a test opens its gates and takes its rules away. */
export class FakeKernel {
  readonly asked: AddressOwner[] = [];
  released = 0;
  trouble: Error | undefined;
  gate: PromiseWithResolvers<void> | undefined;
  #generation = 0;

  readonly enforce = async (owner: AddressOwner): Promise<Enforcement> => {
    this.asked.push(owner);
    await this.gate?.promise;
    if (this.trouble) throw this.trouble;
    const generation = this.#generation;
    let isHeld = true;
    return {
      isInForce: () => isHeld && generation === this.#generation,
      release: () => {
        this.released += isHeld ? 1 : 0;
        isHeld = false;
      },
    };
  };

  /** The table is lost, and loaded again. */
  lose(): void {
    this.#generation += 1;
  }
}
