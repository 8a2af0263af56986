/** Wakes one waiter. Rung while nobody waits, it wakes the next one at once; rung often, it still wakes once. */
export class Bell {
  #rung = false;
  #wake: () => void = () => undefined;

  ring(): void {
    this.#rung = true;
    this.#wake();
  }

  /**
   * Until the bell rings, `ms` have passed or the signal is aborted, whichever is first.
   *
   * @returns whether it rang
   */
  async wait(ms: number, signal: AbortSignal): Promise<boolean> {
    if (!this.#rung && !signal.aborted) await this.#sleep(ms, signal);
    const rang = this.#rung;
    this.#rung = false;
    return rang;
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
