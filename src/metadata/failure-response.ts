import type { EpochMs } from "../core/credentials.ts";
import type { Failure } from "../core/failure.ts";
import { errorPage } from "../http/error-page.ts";
import type { HttpResponse } from "../http/http-message.ts";
import { containerError } from "./container-credentials.ts";
import { deniedDocument } from "./credentials-document.ts";
import type { Surface } from "./surface.ts";
import { textResponse } from "./text-response.ts";

export interface FailureContext {
  readonly surface: Surface;
  readonly at: EpochMs;
}

/**
 * The status is a contract with the SDKs; the body is a fixed page and never
 * repeats what STS, Docker or the client said (the operator reads that in the log).
 */
export function failureResponse(failure: Failure, { surface, at }: FailureContext): HttpResponse {
  const status = STATUS[failure.kind];
  const allow = failure.kind === "method-not-allowed" ? ([["Allow", failure.allow]] as const) : [];
  if (surface === "credentials") return containerError(status, allow);
  if (failure.kind === "sts-denied") return textResponse(deniedDocument(roleNameOf(failure.roleArn), at));
  const page = errorPage(status);
  return { ...page, headers: [...page.headers, ...allow] };
}

/** Does not compile until every kind of failure has one. */
const STATUS: Readonly<Record<Failure["kind"], number>> = {
  "malformed-request": 400,
  "token-ttl-invalid": 400,
  "token-missing": 401,
  "token-invalid": 401,
  "bad-tokens": 401,
  "authorization-not-set": 401,
  "authorization-missing": 401,
  "authorization-invalid": 401,
  "host-not-allowed": 403,
  "token-forwarded": 403,
  "token-path-versioned": 403,
  "unknown-peer": 403,
  "contested-peer": 403,
  "unknown-connection": 403,
  "sts-denied": 403,
  "path-unknown": 404,
  "path-blocked": 404,
  "path-forbidden": 404,
  "bad-paths": 404,
  "host-network-refused": 404, // as without a role, so that SDKs go on to their next source at once
  "no-role": 404,
  "bad-role": 404,
  "no-rule": 404,
  "role-refused": 404,
  "bad-session": 404,
  "role-mismatch": 404,
  "method-not-allowed": 405,
  "identity-unavailable": 503,
  "sts-unavailable": 503,
  "sts-throttled": 503,
  "credentials-pending": 503,
  "upstream-unavailable": 503,
};

const roleNameOf = (roleArn: string): string => roleArn.slice(roleArn.lastIndexOf("/") + 1);
