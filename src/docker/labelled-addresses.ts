import { EnforcementError } from "../broker/address-enforcement.ts";
import { canonicalAddress } from "../kit/ip-address.ts";
import { type Claim, isRunning, type Sighting } from "./address-lookup.ts";
import type { ContainerDetails } from "./engine.ts";
import type { FreshEngine } from "./fresh-engine.ts";

type Link = Pick<Claim, "network"> & { readonly macAddress: string };

/** Where an address stands that no engine gave, and the hardware address of a link that no engine made. */
export interface AddressLabels {
  readonly address: string;
  readonly macAddress: string;
}

/** Of the network "none", where Docker leaves a container's links to others. */
const NO_DRIVER = "null";

/**
 * Addresses that no engine gave, and that a label of the container tells: Rancher's. A label is chosen by whoever starts
 * a container. So it counts only for an address that is in no network of the Engine's, as long as no other running
 * container bears the same, and for its own container alone: it is tied to that container's link, by which nobody else
 * can send. Nobody gets another's role by writing one.
 */
export class LabelledAddresses {
  readonly #engine: FreshEngine;
  readonly #names: AddressLabels;

  constructor(engine: FreshEngine, names: AddressLabels) {
    this.#engine = engine;
    this.#names = names;
  }

  /** "10.42.1.2/16" or "10.42.1.2"; undefined where there is no label, or no address in it. */
  of({ labels }: Pick<ContainerDetails, "labels">): string | undefined {
    return canonicalAddress((labels[this.#names.address] ?? "").replace(/\/\d{1,3}$/, ""));
  }

  /** Of an address in no network of the Engine's. @throws EngineError */
  async look(address: string): Promise<Sighting> {
    const bearers = await this.#engine.runningWithLabel(this.#names.address);
    const claimants = bearers.filter((bearer) => this.of(bearer) === address).map(({ id }) => id);
    const [containerId] = claimants;
    if (containerId === undefined) return { kind: "foreign" };
    return claimants.length > 1 ? { kind: "contested", claimants } : await this.#inspect(address, containerId);
  }

  async #inspect(address: string, containerId: string): Promise<Sighting> {
    const container = await this.#engine.container(containerId);
    if (!container || !isRunning(container)) return { kind: "unsettled", containerId };
    const link = await this.#linkOf(container);
    if (link instanceof EnforcementError) return { kind: "unsettled", containerId, because: link };
    const { network, macAddress } = link;
    const member = { containerId, addresses: [address], macAddress };
    return { kind: "owned", claim: { address, network, member, isLabelled: true }, container };
  }

  /**
   * Its link to its one bridge: of several, nothing says which of them the address is on. One that has no network of
   * Docker's has a link that somebody else made, and says its hardware address: a wrong one harms itself alone, since
   * the kernel lets through what comes from that link and bears both addresses.
   */
  async #linkOf(container: ContainerDetails): Promise<Link | EnforcementError> {
    const { attachments, guestOf, labels } = container;
    const [attachment, ...others] = attachments;
    const isSingle = attachment !== undefined && others.length === 0 && guestOf === undefined;
    const seen = isSingle ? await this.#engine.network(attachment.networkId) : undefined;
    const network = seen?.details;
    if (isSingle && network?.driver === "bridge") return { network, macAddress: attachment.macAddress };
    const macAddress = labels[this.#names.macAddress];
    if (network?.driver === NO_DRIVER && macAddress !== undefined) return { network, macAddress };
    return this.#noLink(container, network?.driver === NO_DRIVER);
  }

  #noLink({ name, guestOf, attachments }: ContainerDetails, hasNoNetwork: boolean): EnforcementError {
    const { address, macAddress } = this.#names;
    const networks = attachments.map(({ networkName }) => networkName).join(", ") || "none";
    const own = guestOf === undefined ? "" : ` of its own, but in that of ${guestOf.slice(0, 12)}`;
    const reason = `${name}, whose label ${address} names it, is not on one bridge network${own} (its networks: ${networks})`;
    const orLabel = hasNoNetwork ? `, or name its link's hardware address in the label ${macAddress}` : "";
    return new EnforcementError(reason, { remedy: `connect it to one bridge network, and to no other${orLabel}` });
  }
}
