import type { BrokerEvents, HandOut, RefusedRequest } from "../broker/broker-events.ts";
import type { EpochMs } from "../core/credentials.ts";
import type { Failure } from "../core/failure.ts";
import type { Workload } from "../core/workload.ts";
import { explainFailure } from "./explain-failure.ts";
import { causeField } from "./explain-refusal.ts";
import type { Log } from "./log.ts";
import { redactedPath } from "./redacted.ts";
import { RepeatGate } from "./repeat-gate.ts";

export interface AuditOptions {
  readonly log: Log;
  readonly now: () => EpochMs;
}

/** The same to the same peer is written at most this often; the next line says how many were left out. */
const REPEAT_AFTER_MS = 10_000;

/**
 * One line for each hand-out of credentials and for each refusal: who, which role, which key id. Never a secret. Whoever asks
 * for the same again and again fills neither the disk nor a log that drops what is too much, and with it what others did.
 */
export function auditLog({ log, now }: AuditOptions): BrokerEvents {
  // Two, so that no flood of the one kind makes the other forget whom it held back.
  const handOuts = new RepeatGate({ now, repeatAfterMs: REPEAT_AFTER_MS });
  const refusals = new RepeatGate({ now, repeatAfterMs: REPEAT_AFTER_MS });
  return {
    handedOut(event) {
      const left = handOuts.pass(`${event.peerAddress} ${event.workload.id} ${event.accessKeyId}`);
      if (left !== undefined) log.info({ ...handOutFields(event), ...repeats(left) }, "credentials handed out");
    },
    refused(event) {
      const left = refusals.pass(`${event.peerAddress} ${event.failure.kind} ${aboutOf(event.failure)}`);
      if (left !== undefined) log.warn({ ...refusalFields(event), ...repeats(left) }, "refused");
    },
  };
}

const repeats = (left: number): { readonly repeats?: number } => (left > 0 ? { repeats: left } : {});

/**
 * A harmless path that is asked for all the time must not keep the next one out of the log, nor one container on the host's
 * network the next one; how many there can be is bounded.
 */
function aboutOf(failure: Failure): string {
  if (failure.kind === "host-network-refused") return failure.workload ?? "";
  if (failure.kind !== "path-blocked" && failure.kind !== "path-forbidden") return "";
  return redactedPath(failure.path.split("/").slice(0, WORDS_THAT_TELL).join("/"));
}

const WORDS_THAT_TELL = 3;

const handOutFields = ({ peerAddress, workload, grant, accessKeyId, expiresAt }: HandOut) => ({
  audit: "credentials",
  peer: peerAddress,
  ...workloadFields(workload),
  role: grant.roleArn,
  roleFrom: grant.decidedBy.place,
  rule: grant.decidedBy.rule,
  sessionName: grant.sessionName,
  accessKeyId,
  expires: new Date(expiresAt).toISOString(),
});

const refusalFields = ({ peerAddress, workload, failure, path, cause }: RefusedRequest) => ({
  audit: "refusal",
  refusal: failure.kind,
  peer: peerAddress,
  ...(workload && workloadFields(workload)),
  ...(path !== undefined && { path: redactedPath(path) }),
  ...("rule" in failure && { rule: failure.rule }),
  ...explainFailure(failure),
  ...causeField({ failure, cause }),
});

const workloadFields = ({ id, name }: Workload) => ({ container: name, containerId: id });
