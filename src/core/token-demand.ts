import { Refusal } from "./failure.ts";
import type { Workload } from "./workload.ts";

/** Whether a request for metadata must bring a token (IMDSv2), or may come without (IMDSv1). */
export type TokenDemand = "required" | "optional";

/**
 * A workload's own word counts both ways: what a token protects is the workload from its own callers.
 *
 * @param ofHost the setting, for a workload that says nothing
 * @throws Refusal `bad-tokens`
 */
export function tokenDemandOf({ name, tokensClaim }: Workload, ofHost: TokenDemand): TokenDemand {
  if (!tokensClaim) return ofHost;
  const { text, place } = tokensClaim;
  if (text === "required" || text === "optional") return text;
  throw new Refusal({ kind: "bad-tokens", workload: name, place, text: text.slice(0, MOST_SHOWN) });
}

/** Of what is neither word, and may be a whole book. */
const MOST_SHOWN = 200;
