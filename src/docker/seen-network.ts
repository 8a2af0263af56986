import type { NetworkDetails, NetworkMember } from "./engine.ts";

const CONTAINER_ID = /^[0-9a-f]{64}$/;

/** The others are ghosts ("ep-…", "ingress-sbox"): they hold addresses and cannot ask for anything. */
const isContainer = ({ containerId }: NetworkMember): boolean => CONTAINER_ID.test(containerId);

/** One answer about a network, sorted by address once: a thousand callers may be looked for among a thousand members. */
export class SeenNetwork {
  readonly details: NetworkDetails;
  readonly #holders: ReadonlyMap<string, readonly NetworkMember[]>;

  constructor(details: NetworkDetails) {
    const claims = details.members
      .filter(isContainer)
      .flatMap((member) => member.addresses.map((address) => ({ address, member })));
    const byAddress = Map.groupBy(claims, ({ address }) => address);
    this.details = details;
    this.#holders = new Map([...byAddress].map(([address, made]) => [address, made.map(({ member }) => member)]));
  }

  /** The containers that claim it: more than one when the Engine contradicts itself. */
  holdersOf(address: string): readonly NetworkMember[] {
    return this.#holders.get(address) ?? [];
  }

  /** By id; undefined when nobody claims it, or more than one. */
  soleHolderOf(address: string): string | undefined {
    const [holder, ...others] = this.holdersOf(address);
    return others.length > 0 ? undefined : holder?.containerId;
  }

  /** By id, those whose address another has too. */
  get sharers(): ReadonlySet<string> {
    const shared = [...this.#holders.values()].filter((holders) => holders.length > 1);
    return new Set(shared.flat().map(({ containerId }) => containerId));
  }

  without(containerIds: ReadonlySet<string>): SeenNetwork {
    const members = this.details.members.filter(({ containerId }) => !containerIds.has(containerId));
    return new SeenNetwork({ ...this.details, members });
  }
}
