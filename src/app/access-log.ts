import type { Log } from "../audit/log.ts";
import { redactedPath } from "../audit/redacted.ts";
import type { BrokerEvents } from "../broker/broker-events.ts";
import { canonicalPath } from "../core/metadata-path.ts";
import type { AccessEvent } from "../http/connection-services.ts";

export interface AccessLogParts {
  readonly log: Log;
  readonly events: Pick<BrokerEvents, "refused">;
  /** Asked at each request: a reload may change it. */
  readonly isDebug: () => boolean;
}

const METHODS: ReadonlySet<string | undefined> = new Set(["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"]);

/** What the edge refused by itself is a refusal like any other; each request is a line at level debug. */
export function accessLog({ log, events, isDebug }: AccessLogParts): (access: AccessEvent) => void {
  return (access) => {
    const { peerAddress, refusal } = access;
    if (refusal !== undefined) events.refused({ peerAddress, failure: { kind: "malformed-request", reason: refusal } });
    if (isDebug()) log.debug(fieldsOf(access), "request");
  };
}

const fieldsOf = ({ peerAddress, method, target, status, durationMs }: AccessEvent) => ({
  peer: peerAddress,
  method: METHODS.has(method) ? method : "…",
  path: target === undefined ? undefined : pathOf(target),
  status: status ?? "reset",
  durationMs,
});

function pathOf(target: string): string {
  const path = canonicalPath(target);
  return path.kind === "path" ? redactedPath(`/${path.segments.join("/")}`) : `(${path.kind})`;
}
