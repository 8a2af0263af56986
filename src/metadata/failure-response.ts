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
  const status = statusOf(failure);
  const allow = failure.kind === "method-not-allowed" ? ([["Allow", failure.allow]] as const) : [];
  if (surface === "credentials") return containerError(status, allow);
  if (failure.kind === "sts-denied") return textResponse(deniedDocument(roleNameOf(failure.roleArn), at));
  const page = errorPage(status);
  return { ...page, headers: [...page.headers, ...allow] };
}

function statusOf(failure: Failure): number {
  switch (failure.kind) {
    case "malformed-request":
    case "token-ttl-invalid":
      return 400;
    case "token-missing":
    case "token-invalid":
    case "authorization-not-set":
    case "authorization-missing":
    case "authorization-invalid":
      return 401;
    case "host-not-allowed":
    case "token-forwarded":
    case "token-path-versioned":
    case "unknown-peer":
    case "contested-peer":
    case "unknown-connection":
    case "sts-denied":
      return 403;
    case "path-unknown":
    case "path-blocked":
    case "path-forbidden":
    case "bad-paths":
    case "host-network-refused": // as without a role, so that SDKs go on to their next source at once
    case "no-role":
    case "bad-role":
    case "role-mismatch":
      return 404;
    case "method-not-allowed":
      return 405;
    case "identity-unavailable":
    case "sts-unavailable":
    case "sts-throttled":
    case "credentials-pending":
    case "upstream-unavailable":
      return 503;
    default:
      return unreachable(failure);
  }
}

const roleNameOf = (roleArn: string): string => roleArn.slice(roleArn.lastIndexOf("/") + 1);

/** Does not compile until every kind of failure has a status. */
function unreachable(failure: never): never {
  throw new Error(`no status for ${JSON.stringify(failure)}`);
}
