import type { EnforcementError } from "../broker/address-enforcement.ts";
import type { ContainerDetails, NetworkMember, NetworkSummary } from "./engine.ts";
import type { FreshEngine } from "./fresh-engine.ts";
import type { LabelledAddresses } from "./labelled-addresses.ts";
import type { NetworkDirectory } from "./network-directory.ts";
import type { SeenNetwork } from "./seen-network.ts";

/** Who has an address, as the Engine says at one moment. */
export type Sighting =
  /** In no Docker subnet, and no label's. */
  | { readonly kind: "foreign" }
  /** In a Docker subnet, and nobody's, or not yet. */
  | { readonly kind: "unclaimed" }
  | { readonly kind: "contested"; readonly claimants: readonly string[] }
  /** Claimed by a container that does not run yet, or no longer, or changed while it was looked at, or cannot be tied to it. */
  | { readonly kind: "unsettled"; readonly containerId: string; readonly because?: EnforcementError }
  | OwnedSighting;

export interface OwnedSighting {
  readonly kind: "owned";
  readonly claim: Claim;
  readonly container: ContainerDetails;
}

/** By id: whoever was seen at the address. */
export function containersIn(sighting: Sighting): readonly string[] {
  if (sighting.kind === "owned") return [sighting.container.id];
  return sighting.kind === "unsettled" ? [sighting.containerId] : [];
}

/** An address and who has it on a network: the container is named by id, never by name. */
export interface Claim {
  readonly address: string;
  readonly network: NetworkSummary;
  readonly member: NetworkMember;
  /** True where the container's label says so, and the Engine knows nothing of the address. */
  readonly isLabelled: boolean;
}

/**
 * Asks the Engine who has an address. The networks are asked because they are never late: a container's first request
 * can come before its `start` event, before `/containers/json` knows its address, and before its own inspect returns.
 */
export class AddressLookup {
  readonly #engine: FreshEngine;
  readonly #directory: NetworkDirectory;
  readonly #labelled: LabelledAddresses | undefined;

  /** @param labelled who is asked about addresses that are in no Docker subnet; undefined: they are nobody's */
  constructor(engine: FreshEngine, directory: NetworkDirectory, labelled?: LabelledAddresses) {
    this.#engine = engine;
    this.#directory = directory;
    this.#labelled = labelled;
  }

  /** One look, made of calls sent after this one. @throws EngineError */
  async look(address: string): Promise<Sighting> {
    const candidates = await this.#directory.containing(address);
    if (candidates.length === 0) return (await this.#labelled?.look(address)) ?? { kind: "foreign" };
    const networks = await Promise.all(candidates.map(({ id }) => this.#engine.network(id)));
    if (networks.includes(undefined)) this.#directory.forget();
    const claims = networks.flatMap((network) => claimsOn(network, address));
    return await this.#judge(claims);
  }

  /**
   * What a running container's own inspect says it has. Undefined where that does not settle it: the address may be
   * on more than one network, or the container names another than the one that the address is of.
   */
  async claimOf(container: ContainerDetails, address: string): Promise<Claim | undefined> {
    const [network, ...others] = await this.#directory.containing(address);
    const attachment = container.attachments.find(({ addresses }) => addresses.includes(address));
    if (!network || others.length > 0 || !attachment) return undefined;
    const { networkId, addresses, macAddress } = attachment;
    if (!isOf(network, networkId)) return undefined;
    return { address, network, member: { containerId: container.id, addresses, macAddress }, isLabelled: false };
  }

  /** What a container's label says that it has; undefined where that cannot count. @throws EngineError */
  async labelledAddressOf(container: ContainerDetails): Promise<string | undefined> {
    const address = this.#labelled?.of(container);
    if (address === undefined) return undefined;
    return (await this.#directory.containing(address)).length > 0 ? undefined : address;
  }

  #judge(claims: readonly Claim[]): Sighting | Promise<Sighting> {
    const [claim] = claims;
    if (!claim) return { kind: "unclaimed" };
    const claimants = [...new Set(claims.map(({ member }) => member.containerId))];
    return claimants.length > 1 ? { kind: "contested", claimants } : this.#inspect(claim);
  }

  async #inspect(claim: Claim): Promise<Sighting> {
    const { containerId } = claim.member;
    const container = await this.#engine.container(containerId);
    const isHost = container?.guestOf === undefined;
    const owned = container && isHost && isRunning(container) && (await this.#stillHolds(claim, container));
    return owned ? { kind: "owned", claim, container } : { kind: "unsettled", containerId };
  }

  /**
   * The container may have been restarted, with another address, between the answer about its network and the one
   * about itself. Its own inspect settles that in most cases; where it does not list the network (docker_gwbridge), the network is asked once more, now of the life just seen.
   */
  async #stillHolds({ address, network, member }: Claim, container: ContainerDetails): Promise<boolean> {
    const confirmed = container.attachments.some(
      ({ networkId, addresses }) => isOf(network, networkId) && addresses.includes(address),
    );
    if (confirmed) return true;
    const again = await this.#engine.network(network.id);
    return again?.soleHolderOf(address) === member.containerId;
  }
}

const claimsOn = (network: SeenNetwork | undefined, address: string): readonly Claim[] =>
  network?.holdersOf(address).map((member) => ({ address, network: network.details, member, isLabelled: false })) ?? [];

/** podman 4 gives a network's name where Docker gives its id. */
const isOf = (network: NetworkSummary, idOrName: string): boolean =>
  idOrName === network.id || idOrName === network.name;

/** Between two tries of a restart policy Docker says "running", with no process. */
export const isRunning = ({ running, pid }: ContainerDetails): boolean => running && pid > 0;
