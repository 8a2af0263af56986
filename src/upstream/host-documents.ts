import type { EpochMs } from "../core/credentials.ts";
import { Refusal } from "../core/failure.ts";
import { encodedPath } from "../core/metadata-path.ts";
import type { AllowedPath } from "../core/path-policy.ts";
import { AtMost } from "../kit/at-most.ts";
import { type Sleep, TIMED_OUT, withDeadline } from "../kit/deadline.ts";
import { SingleFlight } from "../kit/single-flight.ts";
import { freshnessOf, freshnessOfAbsence } from "./freshness.ts";
import type { UpstreamClient } from "./upstream-client.ts";

export interface HostDocumentsOptions {
  readonly upstream: Pick<UpstreamClient, "get">;
  readonly now: () => EpochMs;
  readonly sleep: Sleep;
  /** How long one caller waits: less than the least patient SDK (Go v2: 500 ms to the response head). */
  readonly waitMs: number;
}

interface Held {
  /** Undefined: upstream has no such document. */
  readonly body: Uint8Array | undefined;
  readonly freshUntil: EpochMs;
}

/** The real service serves one instance and throttles it: so many at once, whatever the containers do. */
const MAX_AT_ONCE = 8;
/** Who comes when so many wait is told to come again. */
const MAX_WAITING = 200;
/** An instance has some hundred documents; more are names that somebody makes up. */
const MAX_HELD = 500;
const MAX_HELD_BYTES = 64 * 1024;

/**
 * The one way from a workload's request to the real metadata service: a path that a policy let through, asked afresh.
 * Nothing the client sent goes along. Answers are kept, for the real service is made for one instance, not for as many
 * clients as there are containers on it.
 */
export class HostDocuments {
  readonly #options: HostDocumentsOptions;
  readonly #held = new Map<string, Held>();
  readonly #flights = new SingleFlight<string, Uint8Array | undefined>();
  readonly #turns = new AtMost(MAX_AT_ONCE);
  #asking = 0;

  constructor(options: HostDocumentsOptions) {
    this.#options = options;
  }

  /**
   * @param version "" and path [] for the list of versions
   * @returns undefined where upstream has no such document
   * @throws Refusal `upstream-unavailable`
   */
  async read(version: string, path: AllowedPath | readonly []): Promise<Uint8Array | undefined> {
    const url = urlOf(version, path);
    const held = this.#held.get(url);
    if (held && held.freshUntil > this.#options.now()) return held.body;
    try {
      return await this.#asked(url, path);
    } catch (error) {
      if (held?.body && freshnessOf(path).isStatic) return held.body;
      throw error;
    }
  }

  async #asked(url: string, path: readonly string[]): Promise<Uint8Array | undefined> {
    const { waitMs, sleep } = this.#options;
    const answer = await withDeadline(
      this.#flights.run(url, () => this.#ask(url, path)),
      waitMs,
      sleep,
    );
    if (answer === TIMED_OUT) throw unavailable(url, `no answer within ${waitMs} ms; the question stands`);
    return answer;
  }

  async #ask(url: string, path: readonly string[]): Promise<Uint8Array | undefined> {
    if (this.#asking >= MAX_WAITING) throw unavailable(url, "too many other questions are waiting");
    this.#asking += 1;
    try {
      const body = await this.#turns.run(() => this.#options.upstream.get(url));
      this.#keep(url, path, body);
      return body;
    } finally {
      this.#asking -= 1;
    }
  }

  #keep(url: string, path: readonly string[], body: Uint8Array | undefined): void {
    if (body && body.length > MAX_HELD_BYTES) return;
    const { ms } = body ? freshnessOf(path) : freshnessOfAbsence(path);
    this.#held.delete(url);
    this.#held.set(url, { body, freshUntil: this.#options.now() + ms });
    const [oldest] = this.#held.keys();
    if (this.#held.size > MAX_HELD && oldest !== undefined) this.#held.delete(oldest);
  }
}

const urlOf = (version: string, path: readonly string[]): string => {
  if (path.length > 0) return `${version}/${encodedPath(path)}`;
  return version === "" ? "" : `${version}/`;
};

const unavailable = (what: string, reason: string): Refusal =>
  new Refusal({ kind: "upstream-unavailable", what, reason });
