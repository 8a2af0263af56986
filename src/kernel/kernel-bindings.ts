import { isIPv6 } from "node:net";
import type { AddressOwner, Enforcement } from "../broker/address-enforcement.ts";
import type { EpochMs } from "../core/credentials.ts";
import { AtMost } from "../kit/at-most.ts";
import type { RunCommand } from "../kit/run-command.ts";
import { type BoundAddress, bindingTable, type ElementVerb, elementCommands } from "./binding-table.ts";
import type { InterceptedAddress } from "./intercepted-address.ts";
import type { NftTable } from "./nft-ruleset.ts";
import { VethError, VethFinder } from "./veth-finder.ts";

export interface KernelBindingsOptions {
  readonly addresses: readonly InterceptedAddress[];
  readonly run: RunCommand;
  readonly now: () => EpochMs;
  readonly finder?: Pick<VethFinder, "find">;
}

interface Held {
  readonly bound: BoundAddress;
  /** From the kernel's acknowledgement to its end. */
  isInForce: boolean;
}

interface Change {
  readonly verb: ElementVerb;
  readonly held: Held;
  readonly settle: PromiseWithResolvers<void>;
}

/** `delete element bridge taskrole owned4 { 172.17.0.2 }`, as nft 0.9.8 to 1.1.3 print it. */
const DELETION = /^delete element bridge taskrole \w+ \{ (?:.* )?(?<address>[0-9a-f.:]+)(?: comment ".*")? \}/;
/** The kernel limits an argument of a program to 128 KiB; a change takes 700 bytes at most. */
const MAX_CHANGES = 150;
const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;

/**
 * The sets of `table bridge taskrole`, and what they hold. The kernel's sets and these entries change together: an
 * entry is in force only once nft has acknowledged it, and all of them end when the table is found changed; then none
 * is made until the table has been loaded again.
 */
export class KernelBindings {
  readonly #addresses: readonly InterceptedAddress[];
  readonly #run: RunCommand;
  readonly #now: () => EpochMs;
  readonly #finder: Pick<VethFinder, "find">;
  /** The latest to be asked for at each address, in force or about to be. */
  readonly #held = new Map<string, Held>();
  readonly #turn = new AtMost(1);
  readonly #waiting: Change[] = [];
  #isLoaded = false;

  constructor({ addresses, run, now, finder = new VethFinder({ run }) }: KernelBindingsOptions) {
    this.#addresses = addresses;
    this.#run = run;
    this.#now = now;
    this.#finder = finder;
  }

  /** With all that is in force, for a load of all tables in one transaction. Only to be asked for in {@link alone}. */
  table(): NftTable {
    return bindingTable(this.#addresses, this.bound);
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
      note: this.#note(name),
    };
    const former = this.#held.get(address);
    if (former) this.#release(former);
    const held: Held = { bound, isInForce: false };
    this.#held.set(address, held);
    await this.#change("add", held);
    return { isInForce: () => held.isInForce, release: () => this.#release(held) };
  }

  /** False from {@link lose} until the next load, also where the table looks as it should. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** The table stands as {@link table} made it. */
  loaded(): void {
    this.#isLoaded = true;
  }

  /** The table was changed by someone: nothing in it is believed any more. The next load begins with empty sets. */
  lose(): void {
    this.#isLoaded = false;
    for (const held of this.#held.values()) held.isInForce = false;
    this.#held.clear();
  }

  /** True for a line of `nft monitor` that tells of an element's end which is none of our doing. */
  isLossOf(line: string): boolean {
    const address = DELETION.exec(line)?.groups?.["address"];
    return address !== undefined && this.#held.has(address);
  }

  /** The bindings in force. */
  get bound(): readonly BoundAddress[] {
    return [...this.#held.values()].filter(({ isInForce }) => isInForce).map(({ bound }) => bound);
  }

  /** nft takes 128 bytes, and no quotes within. */
  #note(name: string): string {
    const since = new Date(this.#now()).toISOString().replace(/\.\d+/, "");
    return `${name.replace(/[^\w.() -]/g, "-").slice(0, 90)} since ${since}`;
  }

  #release(held: Held): void {
    held.isInForce = false;
    if (this.#held.get(held.bound.address) !== held) return;
    this.#held.delete(held.bound.address);
    this.#change("delete", held).catch(() => {}); // the table is gone or about to be replaced: the element with it
  }

  /** Those that come while nft runs go together in its next run. */
  #change(verb: ElementVerb, held: Held): Promise<void> {
    const settle = Promise.withResolvers<void>();
    this.#waiting.push({ verb, held, settle });
    if (this.#waiting.length === 1) void this.alone(() => this.#flush());
    return settle.promise;
  }

  async #flush(): Promise<void> {
    await Promise.resolve(); // whoever released this first does what cannot wait: to reset the connections of the address
    const changes = this.#waiting.splice(0, MAX_CHANGES);
    if (this.#waiting.length > 0) void this.alone(() => this.#flush());
    const refusal = await this.#refusalOf(changes);
    if (refusal !== undefined) this.lose();
    for (const { verb, held, settle } of changes) {
      if (refusal !== undefined) settle.reject(new VethError(refusal));
      else {
        // In the same breath as the kernel has it, before anything else may change the table; unless it was released meanwhile.
        if (verb === "add") held.isInForce = this.#held.get(held.bound.address) === held;
        settle.resolve();
      }
    }
  }

  /** @returns why the kernel did not take the changes, all of which are then void */
  async #refusalOf(changes: readonly Change[]): Promise<string | undefined> {
    if (!this.#isLoaded) return "the table of the bindings is not in place";
    const outcome = await this.#run([
      "nft",
      changes.map(({ verb, held }) => elementCommands(verb, held.bound)).join(""),
    ]);
    if (!this.#isLoaded) return "the table of the bindings was changed meanwhile";
    if (outcome.kind === "exited" && outcome.code === 0) return undefined;
    return `the kernel does not take it: ${"stderr" in outcome ? outcome.stderr.trim() : outcome.kind}`;
  }
}
