import { Refusal } from "../core/failure.ts";
import { type Explanation, explainFailure } from "./explain-failure.ts";
import { redacted, redactedBut } from "./redacted.ts";

/** What a line says of a refusal: why, what to do about it, and what STS, the engine or upstream said itself. */
export interface RefusalFields extends Explanation {
  readonly cause?: string;
}

/** For an error that may be no refusal: then it is a bug, and its stack is what helps. */
export const explainRefusal = (error: unknown): RefusalFields | { readonly err: unknown } =>
  error instanceof Refusal ? { ...explainFailure(error.failure), ...causeField(error) } : { err: error };

/** The message alone: an SDK's error object holds the request it sent, and STS may quote that request back. */
export function causeField({ failure, cause }: Pick<Refusal, "failure" | "cause">): { readonly cause?: string } {
  if (cause === undefined) return {};
  const words = cause instanceof Error ? cause.message : String(cause);
  const isDenial = failure.kind === "sts-denied";
  return { cause: isDenial ? redactedBut([failure.roleArn, failure.callerArn ?? ""], words) : redacted(words) };
}
