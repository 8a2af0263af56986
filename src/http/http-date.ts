import type { EpochMs } from "../core/credentials.ts";

/**
 * The `Date` field's text, made once a second. It must be right: AsyncAws moves the expiry of credentials by the
 * difference between it and its own clock.
 * https://www.rfc-editor.org/rfc/rfc9110#name-date-time-formats
 */
export class HttpDate {
  readonly #now: () => EpochMs;
  #second = Number.NaN;
  #text = "";

  constructor(now: () => EpochMs) {
    this.#now = now;
  }

  text(): string {
    const second = Math.floor(this.#now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(second * 1000).toUTCString();
    }
    return this.#text;
  }
}
