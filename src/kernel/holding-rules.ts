import type { RunCommand } from "../kit/run-command.ts";
import type { HostProcesses } from "./host-processes.ts";
import type { HostPrograms } from "./host-programs.ts";
import { InterceptionError } from "./interception-error.ts";
import { holdingTable } from "./interception-table.ts";
import { rulesetTexts } from "./nft-table.ts";
import type { Redirection } from "./redirection.ts";

export interface HoldingParts extends Pick<Redirection, "port" | "addresses"> {
  readonly programs: HostPrograms;
  readonly run: RunCommand;
  readonly hostProcesses: HostProcesses;
}

/**
 * Refuses containers on the host's own network, whom no routing rule stops, while there is no daemon: at the boot, before
 * it starts or because it does not. A table that is there already, a daemon's, stays.
 *
 * @returns what could not be kept: sentences. It is no error, as the routing rules are there by themselves.
 */
export async function loadHoldingRules({
  programs,
  run,
  hostProcesses,
  ...to
}: HoldingParts): Promise<readonly string[]> {
  try {
    await hostProcesses.learn(run);
    const table = holdingTable({ ...to, ofThisHost: hostProcesses.kept() });
    if ((await programs.listTableBriefly(table)) === undefined) await programs.run(["nft", ...rulesetTexts([table])]);
    return hostProcesses.warnings();
  } catch (error) {
    if (!(error instanceof InterceptionError)) throw error;
    return [`Containers on the host's own network, if they run there, are not held: ${error.message} ${error.remedy}`];
  }
}
