import type { RunCommand } from "../kit/run-command.ts";
import type { BindingChange, BindingStore } from "./binding-store.ts";
import { refusalIn } from "./interception-error.ts";
import type { IpFamily } from "./ip-rules.ts";
import { changeLines, restoringArgv, transaction } from "./iptables-rules.ts";

/** Rules of the table raw of iptables and ip6tables. */
export class IptablesBindingStore implements BindingStore {
  readonly #run: RunCommand;

  constructor(run: RunCommand) {
    this.#run = run;
  }

  /** A transaction a family: when the second is refused the first stands, and whoever hears of a refusal loads all anew. */
  async change(changes: readonly BindingChange[]): Promise<string | undefined> {
    for (const [family, some] of Map.groupBy(changes, ({ bound }) => bound.family)) {
      const refusal = await this.#changeFamily(family, some);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  async #changeFamily(family: IpFamily, changes: readonly BindingChange[]): Promise<string | undefined> {
    const stdin = transaction("raw", changes.flatMap(changeLines));
    return refusalIn(await this.#run(restoringArgv(family), { stdin }));
  }
}
