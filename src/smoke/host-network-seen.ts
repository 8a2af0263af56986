import type { Config } from "../app/options.ts";
import { StartError } from "../app/start-error.ts";
import type { HomeAccount } from "../core/role-arn.ts";
import type { Sights } from "../probe/sight.ts";
import { type DecidedRole, decidedRole } from "./decided-role.ts";
import type { Stage } from "./stage.ts";
import { NOT_OURS } from "./verdict.ts";

/** What a container on the host's own network saw, that names no role. */
export type HostNetworkSeen =
  | { readonly sight: Sights; readonly decided: DecidedRole }
  /** Why there was none. */
  | { readonly untried: string };

const NAME = "host-network";

export async function hostNetworkSeen(
  stage: Pick<Stage, "look" | "inspect" | "goOn">,
  config: Config,
  home: HomeAccount | undefined,
): Promise<HostNetworkSeen> {
  if (config.interception === "none") return { untried: NOT_OURS };
  if (config.hostNetwork === "host") return { untried: "`hostNetwork: host`: there containers have the host's role" };
  try {
    const sight = await stage.look(NAME, [], "host");
    return { sight, decided: decidedRole(await stage.inspect(NAME), config, home) };
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    stage.goOn();
    return { untried: `none can be made here: ${error.message}` };
  }
}
