import type { HostPrograms } from "./host-programs.ts";
import type { InterceptedAddress } from "./intercepted-address.ts";
import { InterceptionError } from "./interception-error.ts";
import type { CheckDepth, InterceptionPart } from "./interception-status.ts";
import { NftRuleSet } from "./nft-rule-set.ts";
import type { NftTable } from "./nft-table.ts";
import type { RuleSet, RuleSetReport } from "./rule-set.ts";
import { uplinkTable } from "./uplink-table.ts";

export interface UplinkGuardParts {
  readonly programs: HostPrograms;
  readonly addresses: readonly InterceptedAddress[];
  /** By name; undefined: what is there stays as it is. */
  readonly uplinks: readonly string[] | undefined;
}

/** Keeps what bypasses this host's IP layer, macvlan above all, from the real service. */
export class UplinkGuard implements RuleSet {
  readonly #programs: HostPrograms;
  readonly #addresses: readonly InterceptedAddress[];
  readonly #uplinks: readonly string[] | undefined;
  readonly #nft: NftRuleSet;

  constructor({ programs, addresses, uplinks }: UplinkGuardParts) {
    this.#programs = programs;
    this.#addresses = addresses;
    this.#uplinks = uplinks;
    this.#nft = new NftRuleSet({ programs, wanted: () => this.tables(), ever: [uplinkTable([], addresses)] });
  }

  tables(): readonly NftTable[] {
    return this.#uplinks?.length ? [uplinkTable(this.#uplinks, this.#addresses)] : [];
  }

  async load(): Promise<void> {
    if (this.tables().length > 0) await this.#guard();
    else if (this.#uplinks) await this.#nft.remove();
  }

  async check(depth: CheckDepth): Promise<RuleSetReport> {
    const report = await this.#nft.check(depth);
    if (this.tables().length === 0) return report;
    return { ...report, parts: [...report.parts, ...(await this.#missing()).map(absentInterface)] };
  }

  remove(): Promise<readonly string[]> {
    return this.#nft.remove();
  }

  /** Some kernels take the name of an interface that is not there. */
  async #guard(): Promise<void> {
    const [missing] = await this.#missing();
    if (missing !== undefined) throw new InterceptionError({ kind: "no-interface", name: missing });
    try {
      await this.#nft.load();
    } catch (error) {
      const isRefused = error instanceof InterceptionError && error.failure.kind === "refused";
      throw isRefused ? new InterceptionError({ kind: "unguardable", because: error.message }) : error;
    }
  }

  async #missing(): Promise<readonly string[]> {
    const present = await this.#programs.listInterfaces();
    return (this.#uplinks ?? []).filter((name) => !present.has(name));
  }
}

const absentInterface = (name: string): InterceptionPart => ({
  name: `interface ${name}`,
  state: "absent",
  differences: [],
});
