import { Refusal } from "../core/failure.ts";

/**
 * Codes after which asking again is useless until someone changes a policy or a setting.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html#API_AssumeRole_Errors
 */
const FINAL_CODES: ReadonlySet<string> = new Set([
  "AccessDenied",
  "AccessDeniedException",
  "ValidationError",
  "ValidationException",
  "MalformedPolicyDocument",
  "MalformedPolicyDocumentException",
  "PackedPolicyTooLarge",
  "PackedPolicyTooLargeException",
  "RegionDisabledException",
]);

/** https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html */
const THROTTLING_CODES: ReadonlySet<string> = new Set([
  "Throttling",
  "ThrottlingException",
  "ThrottledException",
  "RequestLimitExceeded",
  "RequestThrottled",
  "TooManyRequestsException",
]);

/** Recognised by the error's code, never by its text; the text goes along as the cause, for the operator. */
export function stsRefusal(roleArn: string, error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const code = codeOf(error);
  return new Refusal({ kind: kindOf(code), roleArn, code }, { cause: error });
}

function kindOf(code: string): "sts-denied" | "sts-throttled" | "sts-unavailable" {
  if (FINAL_CODES.has(code)) return "sts-denied";
  return THROTTLING_CODES.has(code) ? "sts-throttled" : "sts-unavailable";
}

/** The SDK puts STS's code into `name`, and the system's (ECONNREFUSED) into `code`. */
function codeOf(error: unknown): string {
  const { name, code } = Object(error) as { name?: unknown; code?: unknown };
  return (
    [code, name].find((text) => typeof text === "string" && text !== "" && text !== "Error")?.toString() ?? "unknown"
  );
}
