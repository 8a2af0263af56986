/** Wakes one waiter. Rung while nobody waits, it wakes the next one at once; rung often, it still wakes once. */
export class Bell {
  #rung = false;
  #wake: () => void = () => undefined;

  ring(): void {
    this.#rung = true;
    this.#wake();
  }

  /** Until the bell rings, `ms` have passed or the signal is aborted, whichever is first. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung && !signal.aborted) await this.#sleep(ms, signal);
    this.#rung = false;
  }

  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", this.#wake);
        this.#wake = () => undefined;
        resolve();
      };
      signal.addEventListener("abort", this.#wake);
    });
  }
}
