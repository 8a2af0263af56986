import type { RunCommand } from "../kit/run-command.ts";
import { bindingTable, type ListedBinding } from "./binding-table.ts";
import { type HostFacts, readHostFacts } from "./host-facts.ts";
import { HostPrograms, runHostProgram } from "./host-programs.ts";
import { ALL_ADDRESSES, type InterceptedAddress } from "./intercepted-address.ts";
import { InterceptionError } from "./interception-error.ts";
import type { CheckDepth, InterceptionPart, InterceptionStatus } from "./interception-status.ts";
import { type InterceptionWatchEvents, watchInterception } from "./interception-watch.ts";
import { IpRuleKeeper } from "./ip-rule-keeper.ts";
import type { IpFamily } from "./ip-rules.ts";
import type { KernelBindings } from "./kernel-bindings.ts";

import { type FollowLines, followLines, ipRuleMonitor, nftMonitor } from "./nft-monitor.ts";
import { NftRuleSet } from "./nft-rule-set.ts";
import { interceptionTable, type NftTable } from "./nft-ruleset.ts";
import type { InterceptingRules } from "./rule-set.ts";

export interface InterceptionOptions {
  /** Where the metadata surface listens, on every address of this host. */
  readonly port: number;
  /** What is intercepted. Default: the metadata service's addresses and those of container credentials. */
  readonly addresses?: readonly InterceptedAddress[];
  /** Of a running daemon; without them `up` leaves their table alone. */
  readonly bindings?: KernelBindings;
  /** The time between two checks when the monitors of nft and of routing rules report nothing. */
  readonly checkEveryMs?: number;
  readonly run?: RunCommand;
  readonly follow?: FollowLines;
  readonly readHost?: () => HostFacts;
}

const DEFAULT_CHECK_EVERY_MS = 5_000;

/** The packet rules of this host. Every method throws {@link InterceptionError}. */
export class Interception {
  readonly #options: Required<Omit<InterceptionOptions, "bindings">>;
  readonly #bindings: KernelBindings | undefined;
  readonly #rules: InterceptingRules;
  readonly #ipRules: IpRuleKeeper;

  constructor({ bindings, ...options }: InterceptionOptions) {
    this.#bindings = bindings;
    this.#options = {
      addresses: ALL_ADDRESSES,
      checkEveryMs: DEFAULT_CHECK_EVERY_MS,
      run: runHostProgram,
      follow: followLines,
      readHost: readHostFacts,
      ...options,
    };
    const { addresses, run, readHost } = this.#options;
    const programs = new HostPrograms(run, readHost);
    this.#ipRules = new IpRuleKeeper(programs, addresses);
    this.#rules = new NftRuleSet({ programs, wanted: () => this.#tables(), ever: this.#everyTable() });
  }

  /**
   * Puts everything in place, whatever is there now; may be repeated at any time, under traffic too. The routing
   * rules come first: from then on, nothing a container sends reaches the real service.
   */
  async up(): Promise<void> {
    for (const family of this.#families()) await this.#ipRules.mend(family);
    const load = () => this.#rules.load();
    await (this.#bindings ? this.#bindings.reload(load) : load());
  }

  async check(depth: CheckDepth = "whole"): Promise<InterceptionStatus> {
    return (await this.#look(depth)).status;
  }

  /** Removes what `up` made and nothing else; gives the names of what was there. The routing rules go last. */
  async down(): Promise<readonly string[]> {
    const families = this.#families();
    const removed = [...(await this.#rules.remove())];
    for (const family of families) removed.push(...(await this.#ipRules.remove(family)));
    return removed;
  }

  /** Checks at every change that the monitors report and on a timer, and mends at once; resolves when aborted. */
  watch(events: InterceptionWatchEvents, signal: AbortSignal): Promise<void> {
    const { checkEveryMs, follow } = this.#options;
    const watched = {
      check: (depth: CheckDepth) => this.#checkBindings(depth),
      mend: () => this.up(),
      monitors: [nftMonitor(this.#tables(), (line) => this.#bindings?.isNews(line) ?? false), ipRuleMonitor],
    };
    return watchInterception(watched, { events, checkEveryMs, follow, signal });
  }

  async #look(depth: CheckDepth): Promise<{ readonly status: InterceptionStatus; readonly areBindingsWhole: boolean }> {
    const families = this.#families();
    const checkRules = () => this.#rules.check(depth);
    const { areBindingsWhole, ...rules } = await (this.#bindings ? this.#bindings.alone(checkRules) : checkRules());
    const routing = await Promise.all(depth === "brief" ? [] : families.map((family) => this.#ipRules.check(family)));
    const parts = [...rules.parts, ...routing.flatMap((checked) => checked.parts)];
    if (this.#bindings?.isLoaded === false) parts.push(GIVEN_UP);
    const status = {
      bindings: await this.#listedBindings(),
      isInPlace: parts.every(({ state }) => state === "present"),
      parts,
      counters: rules.counters,
      warnings: [
        ...rules.warnings,
        ...routing.flatMap(({ warnings }) => warnings),
        ...(families.includes("ipv6") ? [] : [WITHOUT_IPV6]),
      ],
    };
    return { status, areBindingsWhole };
  }

  /** What is wrong with the bindings' table ends them all, before anything is mended. */
  async #checkBindings(depth: CheckDepth): Promise<InterceptionStatus> {
    const { status, areBindingsWhole } = await this.#look(depth);
    if (!areBindingsWhole) this.#bindings?.lose();
    return status;
  }

  /** A daemon knows its own; by hand they are read from the kernel. */
  async #listedBindings(): Promise<readonly ListedBinding[]> {
    return this.#bindings ? this.#bindings.bound : this.#rules.listBindings();
  }

  #tables(): readonly NftTable[] {
    const table = interceptionTable(this.#options);
    return this.#bindings ? [table, bindingTable(this.#options.addresses, this.#bindings.inKernel)] : [table];
  }

  #everyTable(): readonly NftTable[] {
    return [interceptionTable(this.#options), bindingTable(ALL_ADDRESSES, [])];
  }

  #families(): readonly IpFamily[] {
    const { isLinux, hasIpv6 } = this.#options.readHost();
    if (!isLinux) throw new InterceptionError({ kind: "not-linux" });
    return hasIpv6 ? ["ipv4", "ipv6"] : ["ipv4"];
  }
}

/** A change was refused once: which of the bindings are there is not known any more, whatever the table looks like. */
const GIVEN_UP: InterceptionPart = {
  name: "the bindings of addresses to their containers",
  state: "changed",
  differences: ["they were given up and are not loaded again yet"],
};

const WITHOUT_IPV6 =
  "The kernel runs without IPv6 (there is no /proc/net/if_inet6): its ip rules are left out, " +
  "as nothing can be asked for over it.";
