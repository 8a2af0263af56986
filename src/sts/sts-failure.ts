import { type Failure, Refusal } from "../core/failure.ts";

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
  "RequestThrottledException",
  "SlowDown",
  "TooManyRequestsException",
]);
const TOO_MANY_REQUESTS = 429;
const UNAVAILABLE = 503;

/** The host's own credentials have ended, or are not known yet where they are new. */
const CREDENTIAL_CODES: ReadonlySet<string> = new Set([
  "ExpiredToken",
  "ExpiredTokenException",
  "InvalidClientTokenId",
  "UnrecognizedClientException",
]);

/** What a clock that is five minutes off makes of every call; the SDK knows STS's time from that very answer. */
const CLOCK_CODES: ReadonlySet<string> = new Set([
  "SignatureDoesNotMatch",
  "InvalidSignatureException",
  "RequestExpired",
  "RequestInTheFuture",
  "RequestTimeTooSkewed",
]);

/** A document that parses and is no session. */
export class UnusableAnswer extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

export interface RefusedCall {
  readonly roleArn: string;
  /** This host's time, to read a Retry-After that is a date where the answer has no Date of its own. Epoch ms. */
  readonly now: number;
  /** Who STS says this host is. */
  readonly callerArn?: string | undefined;
}

/** Recognised by the error's code, never by its text; the text goes along as the cause, for the operator. */
export function stsRefusal(call: RefusedCall, error: unknown): Refusal {
  return error instanceof Refusal ? error : new Refusal(failureOf(call, error), { cause: error });
}

function failureOf({ roleArn, now, callerArn }: RefusedCall, error: unknown): Failure {
  const code = codeOf(error);
  if (isThrottling(error)) {
    const retryAfterMs = retryAfterOf(error, now);
    return { kind: "sts-throttled", roleArn, code, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  }
  if (!isDenial(error)) return { kind: "sts-unavailable", roleArn, code };
  const missing = missingTrust(error);
  return { kind: "sts-denied", roleArn, code, ...(callerArn && { callerArn }), ...(missing && { missing }) };
}

/** What a second try within the same flight would need; "none" where it would only repeat the answer. */
export type Cure = "none" | "new-credentials" | "right-clock" | "new-connection";

/** Throttling is answered at once: whoever waits for it sees all calls, not this one alone. */
export function cureOf(error: unknown): Cure {
  const code = codeOf(error);
  if (error instanceof Refusal || isDenial(error) || isThrottling(error)) return "none";
  if (CREDENTIAL_CODES.has(code)) return "new-credentials";
  return CLOCK_CODES.has(code) ? "right-clock" : "new-connection";
}

/** STS says no, and will say no again. */
export const isDenial = (error: unknown): boolean => !isThrottling(error) && FINAL_CODES.has(codeOf(error));

/** A 503 that names a time wants what throttling wants: to be left alone so long. */
function isThrottling(error: unknown): boolean {
  const { $metadata, $response } = fieldsOf(error);
  if (THROTTLING_CODES.has(codeOf(error)) || $metadata?.httpStatusCode === TOO_MANY_REQUESTS) return true;
  return $metadata?.httpStatusCode === UNAVAILABLE && $response?.headers?.["retry-after"] !== undefined;
}

interface ErrorFields {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

const fieldsOf = (error: unknown): ErrorFields => Object(error) as ErrorFields;

/** The system's (ECONNRESET), STS's (AccessDenied) and our own (answer-timeout); anything longer is no code but a text. */
const CODE = /^[A-Za-z][\w-]{2,63}$/;

/** Names that are JavaScript's or the SDK's own: they say nothing of what STS said. */
const NAMELESS = /^(?:\w*Error|Unknown|NotFound)$/;
const STS_ERROR_NAMES: ReadonlySet<string> = new Set(["ValidationError"]);

/** The SDK puts STS's code into `name`, and the system's (ECONNREFUSED) is in `code`. */
function codeOf(error: unknown): string {
  const { name, code, $metadata } = fieldsOf(error);
  if (typeof code === "string" && CODE.test(code)) return code;
  if (typeof name === "string" && CODE.test(name) && (STS_ERROR_NAMES.has(name) || !NAMELESS.test(name))) return name;
  if ($metadata?.httpStatusCode !== undefined) return codeOfStatus($metadata.httpStatusCode);
  return name === "TimeoutError" ? "connect-timeout" : "unknown";
}

/** An answer, but none of STS's: a proxy's page, a redirect, half a document. */
const codeOfStatus = (status: number): string => (status < 300 ? "answer-unreadable" : `http-${status}`);

/** Seconds or a date; a date counts from the answer's own, for this host's clock may be wrong. RFC 9110, 10.2.3. */
function retryAfterOf(error: unknown, now: number): number | undefined {
  const { "retry-after": text, date = "" } = fieldsOf(error).$response?.headers ?? {};
  if (text === undefined) return undefined;
  const answeredAt = Number.isNaN(Date.parse(date)) ? now : Date.parse(date);
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - answeredAt;
  return Number.isNaN(waitMs) ? undefined : Math.max(waitMs, 0);
}

/**
 * Which of the two trusts is missing, as far as STS's sentence says. Only an operator's explanation comes of it, where
 * the likelier of two places to look is named first; nothing is decided by it.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html#access-denied-error-examples
 */
function missingTrust(error: unknown): "host-permission" | "role-trust" | undefined {
  const { message } = fieldsOf(error);
  const [, policy] = WHICH_POLICY.exec(typeof message === "string" ? message : "") ?? [];
  if (policy === undefined) return undefined;
  return /role trust|resource-based/.test(policy) ? "role-trust" : "host-permission";
}

const WHICH_POLICY = new RegExp(
  "(?:because no|with an explicit deny in (?:an?|the)) " +
    "(role trust|resource-based|identity-based|session|service control|VPC endpoint|permissions boundary)",
);
