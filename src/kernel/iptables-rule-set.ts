import type { BoundAddress } from "./binding-store.ts";
import { bridgeSetting, type ReadSetting, whyPortsUnseen } from "./bridge-filter.ts";
import type { HostPrograms } from "./host-programs.ts";
import { InterceptionError } from "./interception-error.ts";
import type { InterceptionPart } from "./interception-status.ts";
import type { IpFamily } from "./ip-rules.ts";
import {
  chainRemovals,
  compareIptables,
  type IptablesListing,
  iptablesBindings,
  iptablesCounters,
  jumpRemovals,
  type ListedIptablesTable,
  ourChainsIn,
} from "./iptables-listing.ts";
import {
  BINDING_CHAINS,
  type IptablesTable,
  type IptablesTableName,
  iptablesTables,
  probeText,
  programOf,
  replacementText,
  restoringArgv,
  transaction,
} from "./iptables-rules.ts";
import { LISTENING, toldApartByAddress } from "./iptables-warnings.ts";
import type { Redirection } from "./redirection.ts";
import type { BindingReport, InterceptingRules, RuleSetReport } from "./rule-set.ts";

export interface IptablesRuleSetParts {
  readonly programs: HostPrograms;
  readonly to: Redirection;
  readonly families: () => readonly IpFamily[];
  /** What is bound now; without it the chains of the bindings are left alone. */
  readonly bound: (() => readonly BoundAddress[]) | undefined;
  readonly readSetting: ReadSetting;
}

const FAMILIES: readonly IpFamily[] = ["ipv4", "ipv6"];
const TABLE_NAMES: readonly IptablesTableName[] = ["nat", "filter", "raw"];
/** Someone else may change the tables between the look at them and the change: then both are done again. */
const ATTEMPTS = 3;

/** Chains of our own in iptables' tables raw, filter and nat, jumped to before everyone else's rules. */
export class IptablesRuleSet implements InterceptingRules {
  readonly #parts: IptablesRuleSetParts;
  /** Why the addresses of a family cannot be bound, or undefined; decided by the first load. */
  readonly #unbound = new Map<IpFamily, string | undefined>();

  constructor(parts: IptablesRuleSetParts) {
    this.#parts = parts;
  }

  async load(): Promise<void> {
    for (const family of this.#parts.families()) {
      if (this.#parts.bound) await this.#decide(family);
      await this.#loadFamily(family);
    }
  }

  async check(): Promise<RuleSetReport> {
    const checked = await Promise.all(this.#parts.families().map((family) => this.#checkFamily(family)));
    const parts = checked.flatMap((family) => family.parts);
    const amiss = parts.filter(({ state }) => state !== "present");
    return {
      parts,
      areBindingsWhole: !amiss.some(({ name }) => / TASKROLE-(BINDINGS|BOUND)$|^net\.bridge\./.test(name)),
      counters: checked.flatMap(({ counters }) => counters),
      warnings: [LISTENING, ...checked.flatMap(({ warnings }) => warnings)],
    };
  }

  async remove(): Promise<readonly string[]> {
    const removed: string[] = [];
    for (const family of FAMILIES) removed.push(...(await this.#removeFamily(family)));
    return removed;
  }

  async readBindings(): Promise<BindingReport> {
    const listings = await Promise.all(this.#parts.families().map((family) => this.#list(family)));
    return { bindings: listings.flatMap(iptablesBindings), counters: [] };
  }

  canBind(family: IpFamily): boolean {
    return this.#unbound.get(family) === undefined;
  }

  /** Once for the life of a daemon: what it told its operator at the start stays true, or nobody is served. */
  async #decide(family: IpFamily): Promise<void> {
    const { programs, readSetting } = this.#parts;
    const unseen = await whyPortsUnseen(family, readSetting);
    if (!this.#unbound.has(family)) {
      const unknown = unseen ?? (await programs.refusal(restoringArgv(family), { stdin: probeText() }));
      this.#unbound.set(family, unknown);
    }
    if (unseen !== undefined && this.canBind(family))
      throw new InterceptionError({ kind: "ports-unseen", setting: bridgeSetting(family), reason: unseen });
  }

  async #loadFamily(family: IpFamily): Promise<void> {
    for (let left = ATTEMPTS - 1; ; left -= 1) {
      const isLoaded = await this.#replace(family, left === 0);
      if (isLoaded || left === 0) return;
    }
  }

  /** @returns false when it has to be done again */
  async #replace(family: IpFamily, isLast: boolean): Promise<boolean> {
    const listing = await this.#list(family);
    const wanted = this.#wanted(family);
    const stdin = wanted.map((table) => this.#replacement(table, listing.get(table.name))).join("");
    try {
      await this.#parts.programs.run(restoringArgv(family), { stdin });
    } catch (error) {
      if (isLast) throw error;
      return false;
    }
    return compare(family, wanted, await this.#list(family)).every(({ state }) => state === "present");
  }

  #wanted(family: IpFamily): readonly IptablesTable[] {
    const { to, bound } = this.#parts;
    const ours = this.canBind(family) ? bound?.().filter((one) => one.family === family) : undefined;
    return iptablesTables({ family, ...to, bound: ours });
  }

  #replacement(table: IptablesTable, listed: ListedIptablesTable | undefined): string {
    const names = table.chains.map(({ name }) => name);
    const left = this.#parts.bound ? [] : BINDING_CHAINS;
    const obsolete = ourChainsIn(listed).filter((chain) => !names.includes(chain) && !left.includes(chain));
    return replacementText(table, [...jumpRemovals(listed, [...names, ...obsolete]), ...chainRemovals(obsolete)]);
  }

  async #checkFamily(family: IpFamily): Promise<Pick<RuleSetReport, "parts" | "counters" | "warnings">> {
    const { bound, readSetting } = this.#parts;
    const listing = await this.#list(family);
    const unseen = await whyPortsUnseen(family, readSetting);
    const isBinding = bound !== undefined && this.#unbound.has(family) && this.canBind(family);
    const reason = this.#unbound.get(family) ?? (isBinding ? undefined : unseen);
    return {
      parts: [...compare(family, this.#wanted(family), listing), ...(isBinding ? [settingPart(family, unseen)] : [])],
      counters: [...listing.values()].flatMap(iptablesCounters),
      warnings: reason === undefined ? [] : [toldApartByAddress(family, reason)],
    };
  }

  async #removeFamily(family: IpFamily): Promise<readonly string[]> {
    const { programs } = this.#parts;
    const listing = await programs.listIptablesIfAny(family);
    const found = TABLE_NAMES.map((name) => ({ name, listed: listing.get(name) })).filter(
      ({ listed }) => ourChainsIn(listed).length > 0,
    );
    const texts = found.map(({ name, listed }) => {
      const chains = ourChainsIn(listed);
      return transaction(name, [...jumpRemovals(listed, chains), ...chainRemovals(chains)]);
    });
    if (texts.length > 0) await programs.run(restoringArgv(family), { stdin: texts.join("") });
    return found.map(({ name }) => `the chains TASKROLE-* of table ${name} (${programOf(family)})`);
  }

  #list(family: IpFamily): Promise<IptablesListing> {
    return this.#parts.programs.listIptables(family);
  }
}

const compare = (
  family: IpFamily,
  wanted: readonly IptablesTable[],
  listing: IptablesListing,
): readonly InterceptionPart[] =>
  wanted.flatMap((table) => compareIptables(programOf(family), table, listing.get(table.name)));

const settingPart = (family: IpFamily, unseen: string | undefined): InterceptionPart => ({
  name: bridgeSetting(family),
  state: unseen === undefined ? "present" : "changed",
  differences: unseen === undefined ? [] : [unseen],
});
