import { rulesOf } from "../app/host-network-service.ts";
import type { Config } from "../app/options.ts";
import { Interception } from "../kernel/interception.ts";
import { InterceptionError } from "../kernel/interception-error.ts";
import type { RulesSeen } from "./observations.ts";

/** What of the packet rules that the daemon would load is not there, as `taskrole interception status` finds it. */
export async function rulesSeen(config: Config): Promise<RulesSeen> {
  const { interception: kind, guardedUplinks } = config;
  if (kind === "none") return "not ours";
  try {
    const { parts } = await new Interception({ ...rulesOf(config), kind, guardedUplinks }).check();
    return { missing: parts.filter(({ state }) => state !== "present").map(({ name, state }) => `${name} (${state})`) };
  } catch (error) {
    if (!(error instanceof InterceptionError)) throw error;
    return { unknown: `${error.message} ${error.remedy}` };
  }
}
