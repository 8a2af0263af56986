import type { HostPrograms } from "./host-programs.ts";
import { ALL_ADDRESSES, type InterceptedAddress } from "./intercepted-address.ts";
import type { InterceptionPart, InterceptionStatus } from "./interception-status.ts";
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

/** The routing rules of one family at a time: the layer below whatever kind of packet rules there is. */
export class IpRuleKeeper {
  readonly #programs: HostPrograms;
  readonly #addresses: readonly InterceptedAddress[];

  constructor(programs: HostPrograms, addresses: readonly InterceptedAddress[]) {
    this.#programs = programs;
    this.#addresses = addresses;
  }

  async mend(family: IpFamily): Promise<void> {
    const { missing, duplicated } = await this.#plan(family);
    for (const rule of missing) await this.#add(rule);
    for (const rule of duplicated) await this.#programs.run(deletionArgv(rule));
    const noLonger = ALL_ADDRESSES.filter((address) => !this.#addresses.includes(address));
    await this.#remove(family, noLonger);
  }

  async check(family: IpFamily): Promise<Pick<InterceptionStatus, "parts" | "warnings">> {
    const rules = ipRules(family, this.#addresses);
    const plan = planIpRules(rules, await this.#programs.listIpRules(family));
    return { parts: rules.map((rule) => ipRulePart(rule, plan)), warnings: plan.inTheWay.map(overtaken) };
  }

  /** Those to any address that was ever intercepted. @returns the names of what was there */
  remove(family: IpFamily): Promise<readonly string[]> {
    return this.#remove(family, ALL_ADDRESSES);
  }

  async #plan(family: IpFamily): Promise<IpRulePlan> {
    return planIpRules(ipRules(family, this.#addresses), await this.#programs.listIpRules(family));
  }

  /** The kernel refuses a rule that someone else adds at the same moment: what counts is that it is there. */
  async #add(rule: IpRule): Promise<void> {
    try {
      await this.#programs.run(additionArgv(rule));
    } catch (error) {
      const { missing } = await this.#plan(rule.family);
      if (missing.some((other) => ipRuleName(other) === ipRuleName(rule))) throw error;
    }
  }

  async #remove(family: IpFamily, addresses: readonly InterceptedAddress[]): Promise<readonly string[]> {
    if (addresses.length === 0) return [];
    const present = ipRulesToRemove(ipRules(family, addresses), await this.#programs.listIpRules(family));
    for (const rule of present) await this.#programs.run(deletionArgv(rule));
    return present.map(ipRuleName);
  }
}

const overtaken = (rule: string): string =>
  "A routing rule of someone else comes before ours and may route a container's packet to the real service " +
  `if the packet rules are lost: ${rule}`;

function ipRulePart(rule: IpRule, { missing, duplicated }: IpRulePlan): InterceptionPart {
  const name = ipRuleName(rule);
  if (missing.includes(rule)) return { name, state: "absent", differences: [] };
  const copies = duplicated.filter((copy) => copy === rule).length;
  return copies === 0
    ? { name, state: "present", differences: [] }
    : { name, state: "changed", differences: [`it is there ${copies + 1} times`] };
}
