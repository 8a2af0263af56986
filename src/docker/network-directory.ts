import { isWithin, parseSubnet, type Subnet } from "../kit/subnet.ts";
import type { NetworkSummary } from "./engine.ts";
import { EngineError } from "./engine-error.ts";
import type { FreshEngine } from "./fresh-engine.ts";

interface Listing {
  readonly network: NetworkSummary;
  readonly subnets: readonly Subnet[];
}

/** Addresses of an overlay never leave it: its containers come to the host by docker_gwbridge, a bridge network. */
const UNSEEN_DRIVER = "overlay";

/**
 * Which networks an address can be on. The list is kept while the events are heard and no network came or went; it
 * never says who has an address, so an old list costs a second look and cannot name a wrong owner.
 */
export class NetworkDirectory {
  readonly #engine: FreshEngine;
  #known: readonly Listing[] | undefined;
  /** The last list, however old: for when there is no other. */
  #last: readonly Listing[] = [];
  /** Grows with {@link forget}: a list asked for before is not kept afterwards. */
  #generation = 0;
  #keeps = false;

  constructor(engine: FreshEngine) {
    this.#engine = engine;
  }

  /** @returns none only after a list that was asked for now */
  async containing(address: string): Promise<readonly NetworkSummary[]> {
    const hits = matches(this.#known ?? [], address);
    return hits.length > 0 ? hits : matches(await this.#listNow(), address);
  }

  /**
   * Whether an address is of any of them, by the list in hand or, without one, by one that is asked for now. Of an Engine that
   * does not answer, by what it said last.
   */
  contains(address: string): Promise<boolean> {
    return this.#known ? Promise.resolve(matches(this.#known, address).length > 0) : this.containsNow(address);
  }

  /** The same, by a list that is asked for now. */
  async containsNow(address: string): Promise<boolean> {
    const listings = await this.#listNow().catch((error: unknown) => {
      if (error instanceof EngineError) return this.#last;
      throw error;
    });
    return matches(listings, address).length > 0;
  }

  /** For when a network came or went, or the list has been found wrong. */
  forget(): void {
    this.#generation += 1;
    this.#known = undefined;
  }

  /** Lists may be kept from now on, as {@link forget} will be called in time. */
  keep(): void {
    this.forget();
    this.#keeps = true;
  }

  keepNothing(): void {
    this.forget();
    this.#keeps = false;
  }

  async #listNow(): Promise<readonly Listing[]> {
    const generation = this.#generation;
    const listings = (await this.#engine.networks()).filter(isSeen).map(toListing);
    this.#last = listings;
    if (this.#keeps && generation === this.#generation) this.#known = listings;
    return listings;
  }
}

const isSeen = ({ driver }: NetworkSummary): boolean => driver !== UNSEEN_DRIVER;

const toListing = (network: NetworkSummary): Listing => ({
  network,
  subnets: network.subnets.flatMap((text) => parseSubnet(text) ?? []),
});

const matches = (listings: readonly Listing[], address: string): readonly NetworkSummary[] =>
  listings.filter(({ subnets }) => subnets.some((subnet) => isWithin(address, subnet))).map(({ network }) => network);
