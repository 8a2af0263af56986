import type { RunCommand } from "../kit/run-command.ts";
import type { BindingChange, BindingStore } from "./binding-store.ts";
import { elementCommands } from "./binding-table.ts";
import { refusalIn } from "./interception-error.ts";

/** The sets of `table bridge taskrole`. */
export class NftBindingStore implements BindingStore {
  readonly #run: RunCommand;

  constructor(run: RunCommand) {
    this.#run = run;
  }

  async change(changes: readonly BindingChange[]): Promise<string | undefined> {
    return refusalIn(await this.#run(["nft", changes.map(elementCommands).join("")]));
  }
}
