import { EnforcementError } from "../broker/address-enforcement.ts";
import { type Failure, Refusal } from "../core/failure.ts";
import { containersIn, type Sighting } from "./address-lookup.ts";
import { EngineError } from "./engine-error.ts";

/** Why a container that is known could not be bound. */
export interface Trouble {
  readonly reason: string;
  readonly cause: Error;
}

/** A refusal is an answer, and a bug a bug; what else an address could not be tied for may pass. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof Refusal || error instanceof EngineError || !(error instanceof Error)) throw error;
  return { reason: error.message, cause: error };
}

/** Nobody's after the whole hold is an answer; a container that would not settle is none. */
export function giveUp(address: string, sighting: Sighting, trouble: Trouble | undefined): undefined {
  if (sighting.kind === "unclaimed") return undefined;
  if (trouble) throw cannotTell(address, trouble.reason, trouble.cause);
  if (sighting.kind === "unsettled" && sighting.because)
    throw cannotTell(address, sighting.because.message, sighting.because);
  throw cannotTell(address, `the container that has it does not come to run: ${containersIn(sighting).join()}`);
}

export function cannotTell(address: string, reason: string, cause?: Error): Refusal {
  const remedy = cause instanceof EngineError || cause instanceof EnforcementError ? cause.remedy : undefined;
  const failure: Failure = { kind: "identity-unavailable", address, reason, ...(remedy && { remedy }) };
  return new Refusal(failure, cause ? { cause } : {});
}
