import { isIPv6 } from "node:net";
import type { AddressOwner, Enforcement } from "../broker/address-enforcement.ts";
import type { RunCommand } from "../kit/run-command.ts";
import { bindingTable } from "./binding-table.ts";
import { type ReadSetting, readSetting } from "./bridge-filter.ts";
import { loadHoldingRules } from "./holding-rules.ts";
import { type HostFacts, readHostFacts } from "./host-facts.ts";
import { HostProcesses } from "./host-processes.ts";
import { HostPrograms, runHostProgram } from "./host-programs.ts";
import { ALL_ADDRESSES, type InterceptedAddress } from "./intercepted-address.ts";
import { InterceptionError } from "./interception-error.ts";
import type { CheckDepth, InterceptionPart, InterceptionStatus } from "./interception-status.ts";
import { interceptionTable } from "./interception-table.ts";
import { type InterceptionWatchEvents, watchInterception } from "./interception-watch.ts";
import { IpRuleKeeper } from "./ip-rule-keeper.ts";
import type { IpFamily } from "./ip-rules.ts";
import { IptablesRuleSet } from "./iptables-rule-set.ts";
import { savingArgv } from "./iptables-rules.ts";
import type { KernelBindings } from "./kernel-bindings.ts";
import { type FollowLines, followLines, ipRuleMonitor, type Monitor, nftMonitor } from "./nft-monitor.ts";
import { NftRuleSet } from "./nft-rule-set.ts";
import type { NftTable } from "./nft-table.ts";
import type { BindingReport, InterceptingRules, RuleSet } from "./rule-set.ts";
import { ScopeSet } from "./scope-set.ts";
import { UplinkGuard } from "./uplink-guard.ts";

export interface InterceptionOptions {
  /** By what packets are intercepted; default: nftables. */
  readonly kind?: InterceptionKind;
  /** Where the metadata surface listens, on every address of this host. */
  readonly port: number;
  /** What is intercepted. Default: the metadata service's addresses and those of container credentials. */
  readonly addresses?: readonly InterceptedAddress[];
  /** Which of this host's own processes are kept from the real service. Default: none. */
  readonly hostProcesses?: HostProcesses;
  /** Of a running daemon; without them `up` leaves their table alone. */
  readonly bindings?: KernelBindings;
  /** Interfaces by which nothing but the host's own programs may reach the addresses; undefined: as it is. */
  readonly guardedUplinks?: readonly string[];
  /** The time between two checks when no monitor reports anything; of a change to iptables there is none. */
  readonly checkEveryMs?: number;
  readonly run?: RunCommand;
  readonly follow?: FollowLines;
  readonly readHost?: () => HostFacts;
  readonly readSetting?: ReadSetting;
}

export type InterceptionKind = "nftables" | "iptables";

const CHECK_EVERY_MS: Readonly<Record<InterceptionKind, number>> = { nftables: 30_000, iptables: 1_000 };

/** The packet rules of this host. Every method throws {@link InterceptionError}. */
export class Interception {
  readonly #options: Required<Omit<InterceptionOptions, "bindings" | "guardedUplinks">>;
  readonly #bindings: KernelBindings | undefined;
  readonly #programs: HostPrograms;
  readonly #ipRules: IpRuleKeeper;
  readonly #rules: InterceptingRules;
  /** Of a former life with the other kind. */
  readonly #otherRules: RuleSet;
  readonly #guard: UplinkGuard;
  readonly #scopes: ScopeSet;

  constructor({ bindings, guardedUplinks: uplinks, kind = "nftables", ...options }: InterceptionOptions) {
    this.#bindings = bindings;
    const hostProcesses = new HostProcesses({ cgroups: undefined, users: [] });
    this.#options = { ...DEFAULTS, kind, checkEveryMs: CHECK_EVERY_MS[kind], hostProcesses, ...options };
    const { addresses, run, readHost } = this.#options;
    const programs = new HostPrograms(run, readHost);
    this.#programs = programs;
    this.#ipRules = new IpRuleKeeper(programs, addresses);
    const [nft, iptables] = [this.#nftRules(programs), this.#iptablesRules(programs)];
    [this.#rules, this.#otherRules] = kind === "nftables" ? [nft, iptables] : [iptables, nft];
    this.#guard = new UplinkGuard({ programs, addresses, uplinks });
    this.#scopes = new ScopeSet(programs, this.#options.hostProcesses);
  }

  /**
   * Puts everything in place, whatever is there now; may be repeated at any time, under traffic too. What the other
   * kind of rules left goes last.
   */
  async up(): Promise<void> {
    await this.#mend();
    await this.#otherRules.remove();
  }

  /**
   * Nothing a container sends reaches the real service, and nothing answers in its place.
   *
   * @returns what of it could not be kept: sentences
   */
  async hold(): Promise<readonly string[]> {
    await this.#keepRoutes();
    const { hostProcesses, kind } = this.#options;
    if (kind === "iptables") return hostProcesses.warningsOfIptables();
    return loadHoldingRules({ ...this.#options, programs: this.#programs });
  }

  async #keepRoutes(): Promise<void> {
    for (const family of this.#families()) await this.#ipRules.mend(family);
  }

  /** The routing rules come first: from then on, nothing a container sends reaches the real service. */
  async #mend(): Promise<void> {
    const { hostProcesses } = this.#options;
    await this.#keepRoutes();
    hostProcesses.makeCgroups();
    await this.#learn();
    const load = () => this.#load();
    await (this.#bindings ? this.#bindings.reload(load) : load());
    await this.#scopes.refill();
    await this.#guard.load();
  }

  /** False while a container's packet would be forwarded to the real service if there were no packet rules. */
  async isHeld(): Promise<boolean> {
    const checked = await Promise.all(this.#families().map((family) => this.#ipRules.check(family)));
    return checked.flatMap(({ parts }) => parts).every(({ state }) => state !== "absent");
  }

  /** All that is in place or not; at its whole depth, with what this host cannot keep. */
  async check(depth: CheckDepth = "whole"): Promise<InterceptionStatus> {
    const { status } = await this.#look(depth);
    const { hostProcesses, kind } = this.#options;
    if (depth === "brief") return status;
    const notKept = kind === "nftables" ? hostProcesses.warnings() : hostProcesses.warningsOfIptables();
    return { ...status, warnings: [...status.warnings, ...notKept] };
  }

  /** Removes what `up` made and nothing else; gives the names of what was there. The routing rules go last. */
  async down(): Promise<readonly string[]> {
    return [...(await this.removePacketRules()), ...(await this.removeIpRules())];
  }

  /** All but the routing rules, which go on refusing containers the real service. @returns the names of what was there */
  async removePacketRules(): Promise<readonly string[]> {
    const removed: string[] = [];
    for (const rules of [this.#rules, this.#otherRules, this.#guard]) removed.push(...(await rules.remove()));
    return removed;
  }

  async removeIpRules(): Promise<readonly string[]> {
    const removed: string[] = [];
    for (const family of this.#families()) removed.push(...(await this.#ipRules.remove(family)));
    return removed;
  }

  /** Checks at every change that the monitors report and on a timer, and mends at once; resolves when aborted. */
  watch(events: InterceptionWatchEvents, signal: AbortSignal): Promise<void> {
    const { checkEveryMs, follow } = this.#options;
    const watched = {
      check: (depth: CheckDepth) => this.#checkBindings(depth),
      mend: () => this.#mend(),
      monitors: this.#monitors(),
      listen: (onNews: () => void, stop: AbortSignal) => this.#listen(onNews, stop),
    };
    return watchInterception(watched, { events, checkEveryMs, follow, signal });
  }

  #listen(onNews: () => void, signal: AbortSignal): void {
    const { hostProcesses, kind } = this.#options;
    this.#bindings?.listen(onNews, signal);
    if (kind !== "nftables") return;
    hostProcesses.listen(onNews, signal);
    hostProcesses.listenForScopes((path) => void this.#scopes.add(path), signal);
  }

  async #learn(): Promise<void> {
    const { hostProcesses, kind, run } = this.#options;
    if (kind === "nftables") await hostProcesses.learn(run);
  }

  /** Ties an address to its owner where that is possible; where it is not, the operator has been told. */
  async enforce(owner: AddressOwner): Promise<Enforcement> {
    const family = isIPv6(owner.address) ? "ipv6" : "ipv4";
    return this.#bindings && this.#rules.canBind(family) ? this.#bindings.enforce(owner) : BY_ADDRESS_ALONE;
  }

  async #load(): Promise<void> {
    try {
      await this.#rules.load();
    } catch (error) {
      const isUnusable = error instanceof InterceptionError && UNUSABLE.has(error.failure.kind);
      if (!isUnusable || this.#options.kind === "iptables" || !(await this.#hasIptables())) throw error;
      throw new InterceptionError(error.failure, IPTABLES_INSTEAD);
    }
  }

  async #hasIptables(): Promise<boolean> {
    const printed = await this.#programs.runIfUsable(savingArgv("ipv4")).catch(() => undefined);
    return printed !== undefined;
  }

  #monitors(): readonly Monitor[] {
    const tables = [...(this.#options.kind === "nftables" ? this.#tables() : []), ...this.#guard.tables()];
    const isNews = (line: string): boolean => this.#bindings?.isNews(line) ?? false;
    return tables.length > 0 ? [nftMonitor(tables, isNews), ipRuleMonitor] : [ipRuleMonitor];
  }

  #nftRules(programs: HostPrograms): NftRuleSet {
    const ever = [interceptionTable(this.#options), bindingTable(ALL_ADDRESSES, [])];
    return new NftRuleSet({ programs, wanted: () => this.#tables(), ever });
  }

  #iptablesRules(programs: HostPrograms): IptablesRuleSet {
    const { readSetting: read } = this.#options;
    const bindings = this.#bindings;
    const bound = bindings && (() => bindings.inKernel);
    return new IptablesRuleSet({
      programs,
      to: this.#options,
      families: () => this.#families(),
      bound,
      readSetting: read,
    });
  }

  async #look(depth: CheckDepth): Promise<{ readonly status: InterceptionStatus; readonly areBindingsWhole: boolean }> {
    const families = this.#families();
    await this.#learn();
    const checkRules = () => this.#rules.check(depth);
    const { areBindingsWhole, ...rules } = await (this.#bindings ? this.#bindings.alone(checkRules) : checkRules());
    const guard = await this.#guard.check(depth);
    const routing = await Promise.all(depth === "brief" ? [] : families.map((family) => this.#ipRules.check(family)));
    const parts = [...rules.parts, ...guard.parts, ...routing.flatMap((checked) => checked.parts)];
    if (this.#bindings?.isLoaded === false) parts.push(GIVEN_UP);
    const { bindings, counters } = await this.#readBindings();
    const status = {
      bindings,
      isInPlace: parts.every(({ state }) => state === "present"),
      parts,
      counters: [...rules.counters, ...counters, ...guard.counters],
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
    if (depth === "whole") await this.#scopes.refill();
    return status;
  }

  /** A daemon knows its own; by hand they are read from the kernel. */
  async #readBindings(): Promise<BindingReport> {
    return this.#bindings ? { bindings: this.#bindings.bound, counters: [] } : this.#rules.readBindings();
  }

  #tables(): readonly NftTable[] {
    const table = interceptionTable({ ...this.#options, ofThisHost: this.#options.hostProcesses.kept() });
    return this.#bindings ? [table, bindingTable(this.#options.addresses, this.#bindings.inKernel)] : [table];
  }

  #families(): readonly IpFamily[] {
    const { isLinux, hasIpv6 } = this.#options.readHost();
    if (!isLinux) throw new InterceptionError({ kind: "not-linux" });
    return hasIpv6 ? ["ipv4", "ipv6"] : ["ipv4"];
  }
}

/** nftables is not there, or not with all that its rules need. */
const UNUSABLE: ReadonlySet<InterceptionError["failure"]["kind"]> = new Set(["program-missing", "refused"]);
const IPTABLES_INSTEAD =
  "Or set interception to iptables, which works on this host; docs/interception.md says what it cannot protect.";

const BY_ADDRESS_ALONE: Enforcement = { isInForce: () => true, isLinked: () => true, release: () => {} };

const DEFAULTS = {
  addresses: ALL_ADDRESSES,
  run: runHostProgram,
  follow: followLines,
  readHost: readHostFacts,
  readSetting,
};

/** A change was refused once: which of the bindings are there is not known any more, whatever the table looks like. */
const GIVEN_UP: InterceptionPart = {
  name: "the bindings of addresses to their containers",
  state: "changed",
  differences: ["they were given up and are not loaded again yet"],
};

const WITHOUT_IPV6 =
  "The kernel runs without IPv6 (there is no /proc/net/if_inet6): its ip rules are left out, " +
  "as nothing can be asked for over it.";
