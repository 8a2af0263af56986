import type { EpochMs } from "../core/credentials.ts";

/**
 * Everything STS refuses, in its own codes, statuses and words.
 * https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
 */
export interface StsError {
  readonly kind: "sts-error";
  readonly code: StsErrorCode;
  readonly status: 400 | 403 | 404 | 413;
  readonly message: string;
  /** For whoever runs the mock; AWS's callers never see such a thing. */
  readonly reason?: string;
}

export type StsErrorCode =
  | "AccessDenied"
  | "ExpiredToken"
  | "IncompleteSignature"
  | "InvalidAction"
  | "InvalidClientTokenId"
  | "MalformedPolicyDocument"
  | "MissingAuthenticationToken"
  | "PackedPolicyTooLarge"
  | "RequestEntityTooLarge"
  | "SignatureDoesNotMatch"
  | "UnknownOperationException"
  | "ValidationError";

const stsError = (code: StsErrorCode, status: StsError["status"], message: string): StsError => ({
  kind: "sts-error",
  code,
  status,
  message,
});

export const isStsError = (value: object): value is StsError => "kind" in value && value.kind === "sts-error";

export const invalidAction = (action: string | null, version: string | null): StsError =>
  stsError("InvalidAction", 400, `Could not find operation ${action} for version ${version ?? "NO_VERSION_SPECIFIED"}`);

export const unknownOperation = (): StsError => stsError("UnknownOperationException", 404, "");

export const entityTooLarge = (): StsError => stsError("RequestEntityTooLarge", 413, "Request entity too large");

export const missingAuthentication = (): StsError =>
  stsError("MissingAuthenticationToken", 403, "Request is missing Authentication Token");

export const incompleteSignature = (message: string): StsError => stsError("IncompleteSignature", 400, message);

export const invalidToken = (): StsError =>
  stsError("InvalidClientTokenId", 403, "The security token included in the request is invalid.");

export const expiredToken = (): StsError =>
  stsError("ExpiredToken", 403, "The security token included in the request is expired");

export const badSignature = (message: string): StsError => stsError("SignatureDoesNotMatch", 403, message);

export const signatureMismatch = (): StsError =>
  badSignature(
    "The request signature we calculated does not match the signature you provided. " +
      "Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
  );

export const signatureExpired = (times: { signed: string; earliest: string; now: string; rule: string }): StsError =>
  badSignature(`Signature expired: ${times.signed} is now earlier than ${times.earliest} (${times.now}${times.rule})`);

export const signatureTooEarly = (times: { signed: string; latest: string; now: string; rule: string }): StsError =>
  badSignature(
    `Signature not yet current: ${times.signed} is still later than ${times.latest} (${times.now}${times.rule})`,
  );

export const validationError = (message: string): StsError => stsError("ValidationError", 400, message);

export const malformedPolicy = (message: string): StsError => stsError("MalformedPolicyDocument", 400, message);

export const packedTooLarge = (percent: number): StsError =>
  stsError(
    "PackedPolicyTooLarge",
    400,
    `Packed policy consumes ${percent}% of allotted space, please use smaller policy.`,
  );

/** Which policy an AccessDenied names; undefined where AWS keeps it to itself. */
export type DenyingPolicy = "permission" | "permission-deny" | "trust" | "trust-deny";

/**
 * A caller reads of its own permissions, and of the trust policy of a role of its own account. For a role that is
 * missing or another account's, the words are the same whatever the reason: who may not assume it learns nothing of it.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html#access-denied-error-examples
 */
export function accessDenied(
  callerArn: string,
  action: string,
  denied: { resource: string; reason: string; policy?: DenyingPolicy | undefined },
): StsError {
  const what = `User: ${callerArn} is not authorized to perform: ${action}`;
  const onResource = `${what} on resource: ${denied.resource}`;
  const messages: Readonly<Record<DenyingPolicy, string>> = {
    permission: `${onResource} because no identity-based policy allows the ${action} action`,
    "permission-deny": `${onResource} with an explicit deny in an identity-based policy`,
    trust: `${what} because no role trust policy allows the ${action} action`,
    "trust-deny": `${what} with an explicit deny in the role trust policy`,
  };
  const message = denied.policy === undefined ? onResource : messages[denied.policy];
  return { ...stsError("AccessDenied", 403, message), reason: denied.reason };
}

/** 20300102T030405Z, as signatures and their errors write an instant. */
export const basicTime = (at: EpochMs): string => new Date(at).toISOString().replace(/[-:]|\.\d{3}/g, "");
