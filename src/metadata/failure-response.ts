import type { EpochMs } from "../core/credentials.ts";
import type { Failure } from "../core/failure.ts";
import { errorPage } from "../http/error-page.ts";
import type { HttpResponse } from "../http/http-message.ts";
import { deniedDocument } from "./credentials-document.ts";
import { textResponse } from "./text-response.ts";

/**
 * The status is a contract with the SDKs; the body is a fixed page and never
 * repeats what STS, Docker or the client said (the operator reads that in the log).
 */
export function failureResponse(failure: Failure, at: EpochMs): HttpResponse {
  switch (failure.kind) {
    case "malformed-request":
    case "token-ttl-invalid":
      return errorPage(400);
    case "token-missing":
    case "token-invalid":
      return errorPage(401);
    case "host-not-allowed":
    case "token-forwarded":
    case "token-path-versioned":
    case "unknown-peer":
    case "contested-peer":
      return errorPage(403);
    case "path-unknown":
    case "path-blocked":
    case "no-role":
    case "bad-role":
    case "role-mismatch":
      return errorPage(404);
    case "method-not-allowed":
      return withAllow(errorPage(405), failure.allow);
    case "identity-unavailable":
    case "sts-unavailable":
    case "credentials-pending":
    case "upstream-unavailable":
      return errorPage(503);
    case "sts-denied":
      return textResponse(deniedDocument(roleNameOf(failure.roleArn), at));
    default:
      return unreachable(failure);
  }
}

const withAllow = (page: HttpResponse, allow: string): HttpResponse => ({
  ...page,
  headers: [...page.headers, ["Allow", allow]],
});

const roleNameOf = (roleArn: string): string => roleArn.slice(roleArn.lastIndexOf("/") + 1);

/** Does not compile until every kind of failure has a status. */
function unreachable(failure: never): never {
  throw new Error(`no status for ${JSON.stringify(failure)}`);
}
