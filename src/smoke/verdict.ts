import type { Finding } from "./observations.ts";

/** What became of one check. */
export type Verdict = Omit<Finding, "check">;

export const passed = (seen: string): Verdict => ({ outcome: "passed", seen });
export const failed = (seen: string): Verdict => ({ outcome: "failed", seen });
export const notChecked = (seen: string): Verdict => ({ outcome: "not checked", seen });

export const NOT_OURS = "`interception: none`: the packet rules are not taskrole's";
