import { bindingsIn, bindingTable } from "./binding-table.ts";
import type { HostPrograms } from "./host-programs.ts";
import { ALL_ADDRESSES } from "./intercepted-address.ts";
import type { CheckDepth } from "./interception-status.ts";
import { compareTable, countersOf } from "./nft-listing.ts";
import { type NftTable, removalText, rulesetTexts, tableName } from "./nft-table.ts";
import type { BindingReport, InterceptingRules, RuleSetReport } from "./rule-set.ts";

export interface NftRuleSetParts {
  readonly programs: HostPrograms;
  /** As they should be now. */
  readonly wanted: () => readonly NftTable[];
  /** Every table that this set may ever have loaded. */
  readonly ever: readonly NftTable[];
}

const LISTS_TABLES = ["nft", "-j", "list", "tables"];

/** Tables of nftables of our own, replaced together in one transaction. */
export class NftRuleSet implements InterceptingRules {
  readonly #programs: HostPrograms;
  readonly #wanted: () => readonly NftTable[];
  readonly #ever: readonly NftTable[];

  constructor({ programs, wanted, ever }: NftRuleSetParts) {
    this.#programs = programs;
    this.#wanted = wanted;
    this.#ever = ever;
  }

  /** A cgroup may go between the look at it and the load of its rule, which nft then refuses: the next look is without it. */
  async load(): Promise<void> {
    const texts = rulesetTexts(this.#wanted());
    try {
      await this.#programs.run(["nft", ...texts]);
    } catch (error) {
      const again = rulesetTexts(this.#wanted());
      if (again.join() === texts.join()) throw error;
      await this.#programs.run(["nft", ...again]);
    }
  }

  async check(depth: CheckDepth): Promise<RuleSetReport> {
    const checked = await Promise.all(this.#wanted().map((table) => this.#checkTable(table, depth)));
    const parts = checked.flatMap((table) => table.parts);
    const amiss = parts.filter(({ state }) => state !== "present");
    return {
      parts,
      areBindingsWhole: !amiss.some(({ name }) => / bridge taskrole\b/.test(name)),
      counters: checked.flatMap(({ counters }) => counters),
      warnings: [],
    };
  }

  async remove(): Promise<readonly string[]> {
    if ((await this.#programs.runIfUsable(LISTS_TABLES)) === undefined) return [];
    const listings = await Promise.all(this.#ever.map((table) => this.#programs.listTable(table)));
    const present = this.#ever.filter((_, place) => listings[place] !== undefined);
    if (present.length > 0) await this.#programs.run(["nft", ...present.map(removalText)]);
    return present.map((table) => `table ${tableName(table)}`);
  }

  canBind(): boolean {
    return true;
  }

  async readBindings(): Promise<BindingReport> {
    const table = bindingTable(ALL_ADDRESSES, []);
    const listing = await this.#programs.listTable(table);
    return { bindings: listing ? bindingsIn(listing) : [], counters: listing ? countersOf(table, listing) : [] };
  }

  async #checkTable(table: NftTable, depth: CheckDepth): Promise<Pick<RuleSetReport, "parts" | "counters">> {
    const isBrief = depth === "brief" && table.sets !== undefined;
    const listing = await (isBrief ? this.#programs.listTableBriefly(table) : this.#programs.listTable(table));
    return { parts: compareTable(table, listing, depth), counters: listing ? countersOf(table, listing) : [] };
  }
}
