import type { FailedSession, RecoveredSession, SessionEvents } from "../broker/session-events.ts";
import { type Failure, Refusal } from "../core/failure.ts";
import type { AuditOptions } from "./audit-log.ts";
import { explainRefusal } from "./explain-refusal.ts";
import { RepeatGate } from "./repeat-gate.ts";

/** An outage hits every session: one line of it is enough for so long, and the next says how many were left out. */
const REPEAT_AFTER_MS = 60_000;

/** What becomes of sessions behind the workloads' backs: a line when one cannot be had, and one when it can again. */
export function sessionLog({ log, now }: AuditOptions): SessionEvents {
  const gate = new RepeatGate({ now, repeatAfterMs: REPEAT_AFTER_MS });
  const once = (key: string, write: (repeats: { repeats?: number }) => void): void => {
    const left = gate.pass(key);
    if (left !== undefined) write(left > 0 ? { repeats: left } : {});
  };
  return {
    failed(event) {
      const hasHeld = event.servedUntil !== undefined;
      once(`failed ${hasHeld} ${aboutOf(event)}`, (repeats) =>
        hasHeld
          ? log.warn({ ...failedFields(event), ...repeats }, "a session cannot be renewed; it is served until its end")
          : log.error({ ...failedFields(event), ...repeats }, "a session cannot be had; who asks for it gets an error"),
      );
    },
    recovered(event) {
      const { grant, failures } = event;
      once(`recovered ${aboutOf(event)}`, (repeats) =>
        log.info({ role: grant.roleArn, failures, ...repeats }, "a session could be had again"),
      );
    },
  };
}

/** A role's own trouble is told of each role; what hits all alike is one thing. */
function aboutOf({ grant, error }: Pick<RecoveredSession, "grant" | "error">): string {
  const failure = failureOf(error);
  return failure?.kind === "sts-denied" ? `denied ${grant.roleArn}` : (failure?.kind ?? "bug");
}

const failedFields = ({ grant, error, servedUntil }: FailedSession) => ({
  role: grant.roleArn,
  ...(servedUntil !== undefined && { servedUntil: new Date(servedUntil).toISOString() }),
  failure: failureOf(error)?.kind,
  ...explainRefusal(error),
});

const failureOf = (error: unknown): Failure | undefined => (error instanceof Refusal ? error.failure : undefined);
