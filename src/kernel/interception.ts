import type { RunCommand } from "../kit/run-command.ts";
import { bindingsIn, bindingTable, type ListedBinding } from "./binding-table.ts";
import { type HostFacts, readHostFacts } from "./host-facts.ts";
import { HostPrograms, runHostProgram } from "./host-programs.ts";
import { ALL_ADDRESSES, type InterceptedAddress } from "./intercepted-address.ts";
import { InterceptionError } from "./interception-error.ts";
import type { InterceptionPart, InterceptionStatus } from "./interception-status.ts";
import { type InterceptionWatchEvents, watchInterception } from "./interception-watch.ts";
import {
  additionArgv,
  deletionArgv,
  type IpFamily,
  type IpRule,
  type IpRulePlan,
  ipRuleName,
  ipRules,
  ipRulesToRemove,
  planIpRules,
} from "./ip-rules.ts";
import type { KernelBindings } from "./kernel-bindings.ts";
import { compareTable, countersOf } from "./nft-listing.ts";
import { type FollowLines, followLines } from "./nft-monitor.ts";
import { interceptionTable, type NftTable, removalText, rulesetTexts, tableName } from "./nft-ruleset.ts";

export interface InterceptionOptions {
  /** Where the metadata surface listens, on every address of this host. */
  readonly port: number;
  /** What is intercepted. Default: the metadata service's addresses and those of container credentials. */
  readonly addresses?: readonly InterceptedAddress[];
  /** Of a running daemon; without them `up` leaves their table alone. */
  readonly bindings?: KernelBindings;
  /** The time between two checks when nft's monitor reports nothing; routing rules have no other. */
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
  readonly #programs: HostPrograms;

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
    this.#programs = new HostPrograms(this.#options.run, this.#options.readHost);
  }

  /**
   * Puts everything in place, whatever is there now; may be repeated at any time, under traffic too. The routing
   * rules come first: from then on, nothing a container sends reaches the real service.
   */
  async up(): Promise<void> {
    for (const family of this.#families()) await this.#mendIpRules(family);
    await this.#alone(async () => {
      await this.#programs.run(["nft", ...rulesetTexts(this.#tables())]);
      this.#bindings?.loaded();
    });
  }

  async check(): Promise<InterceptionStatus> {
    const families = this.#families();
    const tables = await this.#alone(() => Promise.all(this.#tables().map((table) => this.#checkTable(table))));
    const rules = await Promise.all(families.map((family) => this.#checkIpRules(family)));
    const parts = [...tables, ...rules].flatMap((checked) => checked.parts);
    if (this.#bindings?.isLoaded === false) parts.push(GIVEN_UP);
    return {
      bindings: await this.#listedBindings(),
      isInPlace: parts.every(({ state }) => state === "present"),
      parts,
      counters: tables.flatMap(({ counters }) => counters),
      warnings: [...rules.flatMap(({ warnings }) => warnings), ...(families.includes("ipv6") ? [] : [WITHOUT_IPV6])],
    };
  }

  /** Removes what `up` made and nothing else; gives the names of what was there. The routing rules go last. */
  async down(): Promise<readonly string[]> {
    const families = this.#families();
    const tables = await this.#presentTables([interceptionTable(this.#options), bindingTable(ALL_ADDRESSES, [])]);
    if (tables.length > 0) await this.#programs.run(["nft", ...tables.map(removalText)]);
    const removed = tables.map((table) => `table ${tableName(table)}`);
    for (const family of families) removed.push(...(await this.#removeIpRules(family, ALL_ADDRESSES)));
    return removed;
  }

  /** Checks at every change that nft reports and on a timer, and mends at once; resolves when aborted. */
  watch(events: InterceptionWatchEvents, signal: AbortSignal): Promise<void> {
    const { checkEveryMs, follow } = this.#options;
    const watched = {
      check: () => this.#checkBindings(),
      mend: () => this.up(),
      tables: this.#tables(),
      tells: (line: string) => this.#bindings?.isLossOf(line) ?? false,
    };
    return watchInterception(watched, { events, checkEveryMs, follow, signal });
  }

  /** What is wrong with the bindings' table ends them all, before anything is mended. */
  async #checkBindings(): Promise<InterceptionStatus> {
    const status = await this.check();
    const wrong = status.parts.some(({ name, state }) => state !== "present" && / bridge taskrole\b/.test(name));
    if (wrong) this.#bindings?.lose();
    return status;
  }

  /** A daemon knows its own; by hand they are read from the kernel. */
  async #listedBindings(): Promise<readonly ListedBinding[]> {
    if (this.#bindings) return this.#bindings.bound;
    const listing = await this.#programs.listTable(bindingTable(ALL_ADDRESSES, []));
    return listing ? bindingsIn(listing) : [];
  }

  #alone<T>(task: () => Promise<T>): Promise<T> {
    return this.#bindings ? this.#bindings.alone(task) : task();
  }

  #tables(): readonly NftTable[] {
    const table = interceptionTable(this.#options);
    return this.#bindings ? [table, this.#bindings.table()] : [table];
  }

  #families(): readonly IpFamily[] {
    const { isLinux, hasIpv6 } = this.#options.readHost();
    if (!isLinux) throw new InterceptionError({ kind: "not-linux" });
    return hasIpv6 ? ["ipv4", "ipv6"] : ["ipv4"];
  }

  async #checkTable(table: NftTable): Promise<Pick<InterceptionStatus, "parts" | "counters">> {
    const listing = await this.#programs.listTable(table);
    return { parts: compareTable(table, listing), counters: listing ? countersOf(table, listing) : [] };
  }

  async #checkIpRules(family: IpFamily): Promise<Pick<InterceptionStatus, "parts" | "warnings">> {
    const rules = this.#ipRules(family);
    const plan = planIpRules(rules, await this.#programs.listIpRules(family));
    return { parts: rules.map((rule) => ipRulePart(rule, plan)), warnings: plan.inTheWay.map(overtaken) };
  }

  async #planIpRules(family: IpFamily): Promise<IpRulePlan> {
    return planIpRules(this.#ipRules(family), await this.#programs.listIpRules(family));
  }

  #ipRules(family: IpFamily): readonly IpRule[] {
    return ipRules(family, this.#options.addresses);
  }

  async #mendIpRules(family: IpFamily): Promise<void> {
    const { missing, duplicated } = await this.#planIpRules(family);
    for (const rule of missing) await this.#addIpRule(rule);
    for (const rule of duplicated) await this.#programs.run(deletionArgv(rule));
    const { addresses } = this.#options;
    await this.#removeIpRules(
      family,
      ALL_ADDRESSES.filter((address) => !addresses.includes(address)),
    );
  }

  /** The kernel refuses a rule that someone else adds at the same moment: what counts is that it is there. */
  async #addIpRule(rule: IpRule): Promise<void> {
    try {
      await this.#programs.run(additionArgv(rule));
    } catch (error) {
      const { missing } = await this.#planIpRules(rule.family);
      if (missing.some((other) => ipRuleName(other) === ipRuleName(rule))) throw error;
    }
  }

  async #presentTables(tables: readonly NftTable[]): Promise<readonly NftTable[]> {
    const listings = await Promise.all(tables.map((table) => this.#programs.listTable(table)));
    return tables.filter((_, place) => listings[place] !== undefined);
  }

  /** Those to addresses that were intercepted once and are no longer included. */
  async #removeIpRules(family: IpFamily, addresses: readonly InterceptedAddress[]): Promise<readonly string[]> {
    if (addresses.length === 0) return [];
    const present = ipRulesToRemove(ipRules(family, addresses), await this.#programs.listIpRules(family));
    for (const rule of present) await this.#programs.run(deletionArgv(rule));
    return present.map(ipRuleName);
  }
}

/** nft once refused a change: which of the elements are there is not known any more, whatever the table looks like. */
const GIVEN_UP: InterceptionPart = {
  name: "the bindings of table bridge taskrole",
  state: "changed",
  differences: ["they were given up and are not loaded again yet"],
};

const WITHOUT_IPV6 =
  "The kernel runs without IPv6 (there is no /proc/net/if_inet6): its ip rules are left out, " +
  "as nothing can be asked for over it.";

const overtaken = (rule: string): string =>
  "A routing rule of someone else comes before ours and may route a container's packet to the real service " +
  `if the nft table is lost: ${rule}`;

function ipRulePart(rule: IpRule, { missing, duplicated }: IpRulePlan): InterceptionPart {
  const name = ipRuleName(rule);
  if (missing.includes(rule)) return { name, state: "absent", differences: [] };
  const copies = duplicated.filter((copy) => copy === rule).length;
  return copies === 0
    ? { name, state: "present", differences: [] }
    : { name, state: "changed", differences: [`it is there ${copies + 1} times`] };
}
