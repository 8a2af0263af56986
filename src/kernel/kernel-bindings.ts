import { isIPv6 } from "node:net";
import type { AddressOwner, Enforcement } from "../broker/address-enforcement.ts";
import type { EpochMs } from "../core/credentials.ts";
import { AtMost } from "../kit/at-most.ts";
import type { RunCommand } from "../kit/run-command.ts";
import { bindingNote } from "./binding-note.ts";
import type { BindingChange, BindingStore, BoundAddress } from "./binding-store.ts";
import { elementChangeIn } from "./binding-table.ts";
import { type LinkIndex, linkIndex } from "./link-index.ts";
import { NftBindingStore } from "./nft-binding-store.ts";
import { VethError, VethFinder } from "./veth-finder.ts";

export interface KernelBindingsOptions {
  readonly run: RunCommand;
  readonly now: () => EpochMs;
  /** Where the kernel keeps them; by default the sets of nftables. */
  readonly store?: BindingStore;
  readonly finder?: Pick<VethFinder, "find">;
  readonly linkIndex?: LinkIndex;
}

interface Held {
  readonly bound: BoundAddress;
  /** Of its link; undefined where links cannot be seen (no /sys). */
  readonly link: string | undefined;
  /** From the kernel's acknowledgement to its end. */
  isInForce: boolean;
}

interface Change {
  readonly verb: BindingChange["verb"];
  readonly held: Held;
  readonly settle: PromiseWithResolvers<void>;
}

/** As nft takes them as arguments, of which the kernel limits each to 128 KiB; a change takes 700 bytes at most. */
const MAX_CHANGES = 150;
const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;

/**
 * Whose each address is in the kernel. The kernel's rules and these entries change together: an entry is in force only
 * once the kernel has acknowledged it, and all of them end when its table is found changed; then none is made until
 * the table has been loaded again.
 */
export class KernelBindings {
  readonly #store: BindingStore;
  readonly #now: () => EpochMs;
  readonly #finder: Pick<VethFinder, "find">;
  readonly #linkIndex: LinkIndex;
  /** The latest to be asked for at each address, in force or about to be. */
  readonly #held = new Map<string, Held>();
  /** What the kernel has acknowledged and not yet been told to forget: with what has been released a moment ago. */
  readonly #inKernel = new Set<BoundAddress>();
  readonly #turn = new AtMost(1);
  #waiting: Change[] = [];
  #isLoaded = false;
  #onGivenUp: () => void = () => undefined;

  constructor({ run, now, ...given }: KernelBindingsOptions) {
    this.#store = given.store ?? new NftBindingStore(run);
    this.#now = now;
    this.#finder = given.finder ?? new VethFinder({ run });
    this.#linkIndex = given.linkIndex ?? linkIndex;
  }

  /** What changes the tables runs alone, so that no element is added to a table that is just being replaced. */
  alone<T>(task: () => Promise<T>): Promise<T> {
    return this.#turn.run(task);
  }

  /**
   * Resolves when the kernel has acknowledged it. A former owner of the address is released.
   *
   * @throws VethError when it cannot be enforced
   */
  async enforce({ address, macAddress, name, pid }: AddressOwner): Promise<Enforcement> {
    const mac = macAddress.toLowerCase();
    if (!MAC.test(mac)) throw new VethError(`the Engine gives ${address} no hardware address`);
    const veth = await this.#finder.find(pid, address);
    const bound: BoundAddress = {
      family: isIPv6(address) ? "ipv6" : "ipv4",
      address,
      macAddress: mac,
      veth,
      note: bindingNote(name, this.#now()),
    };
    const former = this.#held.get(address);
    if (former) this.#release(former);
    const held: Held = { bound, link: this.#linkIndex(veth), isInForce: false };
    this.#held.set(address, held);
    await this.#change("add", held);
    return {
      isInForce: () => held.isInForce,
      isLinked: () => this.#isLinked(held),
      release: () => this.#release(held),
    };
  }

  /** False from {@link lose} until the next load, also where the table looks as it should. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Calls back when a change that the kernel did not take has ended them all: it may have changed nothing that a monitor tells of. */
  listen(onGivenUp: () => void, signal: AbortSignal): void {
    this.#onGivenUp = onGivenUp;
    signal.addEventListener("abort", () => (this.#onGivenUp = () => undefined));
  }

  /** Runs what replaces the table by one with {@link inKernel}. */
  reload(load: () => Promise<void>): Promise<void> {
    return this.alone(async () => {
      this.#dropOvertaken();
      await load();
      this.#isLoaded = true;
    });
  }

  /** The table was changed by someone: nothing in it is believed any more. The next load begins with empty sets. */
  lose(): void {
    this.#isLoaded = false;
    for (const held of this.#held.values()) held.isInForce = false;
    this.#held.clear();
    this.#inKernel.clear();
  }

  /**
   * True for a line of `nft monitor` that tells of an element which came or went without our doing, as far as one line
   * can tell: what is held is expected to come, and nothing of it to go.
   */
  isNews(line: string): boolean {
    const change = elementChangeIn(line);
    if (change === undefined || change === "odd") return change === "odd";
    const { verb, address, veth, macAddress } = change;
    const bound = this.#held.get(address)?.bound;
    const isHeld =
      bound !== undefined && (veth === undefined || (veth === bound.veth && macAddress === bound.macAddress));
    return isHeld === (verb === "delete");
  }

  /**
   * As the kernel has them, to check its table and to load it anew. Only to be asked for in {@link alone}: what is
   * released meanwhile is still there, and the next change takes it away.
   */
  get inKernel(): readonly BoundAddress[] {
    return [...this.#inKernel];
  }

  /** The bindings in force. */
  get bound(): readonly BoundAddress[] {
    return [...this.#held.values()].filter(({ isInForce }) => isInForce).map(({ bound }) => bound);
  }

  #isLinked(held: Held): boolean {
    const isLinked = this.#linkIndex(held.bound.veth) === held.link;
    if (!isLinked) this.#release(held);
    return isLinked;
  }

  #release(held: Held): void {
    held.isInForce = false;
    if (this.#held.get(held.bound.address) !== held) return;
    this.#held.delete(held.bound.address);
    this.#change("delete", held).catch(() => {}); // the table is gone or about to be replaced: the element with it
  }

  /** Those that come while nft runs go together in its next run. */
  #change(verb: Change["verb"], held: Held): Promise<void> {
    const settle = Promise.withResolvers<void>();
    this.#waiting.push({ verb, held, settle });
    if (this.#waiting.length === 1) void this.alone(() => this.#flush());
    return settle.promise;
  }

  /** What was asked for and released meanwhile never comes to the kernel, and iptables deletes no rule that is not there. */
  #dropOvertaken(): void {
    const isWanted = ({ verb, held }: Change): boolean =>
      verb === "add" ? this.#held.get(held.bound.address) === held : this.#inKernel.has(held.bound);
    const overtaken = this.#waiting.filter((change) => !isWanted(change));
    this.#waiting = this.#waiting.filter(isWanted);
    for (const { settle } of overtaken) settle.resolve();
  }

  async #flush(): Promise<void> {
    await Promise.resolve(); // whoever released this first does what cannot wait: to reset the connections of the address
    const changes = this.#waiting.splice(0, MAX_CHANGES);
    if (changes.length === 0) return;
    if (this.#waiting.length > 0) void this.alone(() => this.#flush());
    const refusal = await this.#refusalOf(changes);
    if (refusal !== undefined) this.#giveUp();
    for (const { verb, held, settle } of changes) {
      if (refusal !== undefined) settle.reject(new VethError(refusal));
      else {
        this.#acknowledge(verb, held);
        settle.resolve();
      }
    }
  }

  /** Told once: until the next load every change is refused. */
  #giveUp(): void {
    const wasLoaded = this.#isLoaded;
    this.lose();
    if (wasLoaded) this.#onGivenUp();
  }

  /** In the same breath as the kernel has it, before anything else may change the table. */
  #acknowledge(verb: Change["verb"], held: Held): void {
    if (verb === "delete") this.#inKernel.delete(held.bound);
    else this.#inKernel.add(held.bound);
    if (verb === "add") held.isInForce = this.#held.get(held.bound.address) === held; // unless it was released meanwhile
  }

  /** @returns why the kernel did not take the changes, all of which are then void */
  async #refusalOf(changes: readonly Change[]): Promise<string | undefined> {
    if (!this.#isLoaded) return "the table of the bindings is not in place";
    const refusal = await this.#store.change(changes.map(({ verb, held }) => ({ verb, bound: held.bound })));
    if (!this.#isLoaded) return "the table of the bindings was changed meanwhile";
    return refusal === undefined ? undefined : `the kernel does not take it: ${refusal}`;
  }
}
