import { rulesOf } from "../app/host-network-service.ts";
import type { Config } from "../app/options.ts";
import { Interception } from "../kernel/interception.ts";
import { InterceptionError } from "../kernel/interception-error.ts";
import type { RulesSeen } from "./observations.ts";

/** What of the packet rules that the daemon would load is not there, or does not hold here, as `taskrole interception status` finds it. */
export async function rulesSeen(config: Config): Promise<RulesSeen> {
  const { interception: kind, guardedUplinks } = config;
  if (kind === "none") return "not ours";
  try {
    const { parts, warnings } = await new Interception({ ...rulesOf(config), kind, guardedUplinks }).check();
    const missing = parts.filter(({ state }) => state !== "present").map(({ name, state }) => `${name} (${state})`);
    return { missing, warnings };
  } catch (error) {
    if (!(error instanceof InterceptionError)) throw error;
    return { unknown: `${error.message} ${error.remedy}` };
  }
}
