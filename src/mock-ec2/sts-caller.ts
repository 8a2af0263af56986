import type { EpochMs } from "../core/credentials.ts";
import type { MockRequest } from "./http-exchange.ts";
import type { Session, SessionKeys } from "./session-keys.ts";
import { isSignedWith } from "./signature.ts";
import { readSignatureClaim, type SignatureClaim } from "./signature-claim.ts";
import {
  badSignature,
  basicTime,
  expiredToken,
  invalidToken,
  isStsError,
  missingAuthentication,
  type StsError,
  signatureExpired,
  signatureMismatch,
  signatureTooEarly,
} from "./sts-error.ts";
import type { Principal } from "./trust-policy.ts";
import { lastSegment, type User, uniqueId, type World } from "./world.ts";

/** Who signed a request, proved. */
export interface Caller extends Principal {
  readonly userId: string;
  /** Undefined for a user with long-lived keys. */
  readonly session?: Session;
}

export interface CallerCheck {
  readonly world: World;
  readonly keys: SessionKeys;
  readonly now: EpochMs;
}

/** How far the signer's clock may be off. */
const MAX_SKEW_MS = 5 * 60_000;

/** The caller, or why the request is nobody's. */
export function callerOf(request: MockRequest, check: CallerCheck): Caller | StsError {
  const claim = readSignatureClaim(request);
  if (claim === undefined) return missingAuthentication();
  if (isStsError(claim)) return claim;
  const misplaced = scopeError(claim, check.world.instance.region) ?? timeError(claim, check.now);
  if (misplaced !== undefined) return misplaced;
  const owner = ownerOf(claim, check);
  if (owner === undefined) return invalidToken();
  if (!claim.signedHeaders.includes("host")) {
    return badSignature("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
  }
  if (!isSignedWith(owner.secret, request, claim)) return signatureMismatch();
  const expiresAt = owner.caller.session?.expiresAt ?? Number.POSITIVE_INFINITY;
  return expiresAt <= check.now ? expiredToken() : owner.caller;
}

function scopeError(claim: SignatureClaim, region: string): StsError | undefined {
  const { date, signedAt } = claim;
  if (claim.service !== "sts") return badSignature("Credential should be scoped to correct service: 'sts'. ");
  if (claim.region !== region) return badSignature("Credential should be scoped to a valid region. ");
  if (claim.terminator !== "aws4_request") {
    return badSignature("Credential should be scoped with a valid terminator: 'aws4_request'. ");
  }
  if (signedAt.startsWith(date) && date.length === 8) return undefined;
  return badSignature(
    `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: ` +
      `'${date}' != '${signedAt.slice(0, 8)}', from '${signedAt}'.`,
  );
}

function timeError({ signedAt: signed, expiresSeconds }: SignatureClaim, now: EpochMs): StsError | undefined {
  const at = fromBasicTime(signed);
  const skew = "5 min.";
  if (!(at <= now + MAX_SKEW_MS)) {
    const latest = basicTime(now + MAX_SKEW_MS);
    return signatureTooEarly({ signed, latest, now: basicTime(now), rule: ` + ${skew}` });
  }
  const lifeMs = expiresSeconds === undefined ? MAX_SKEW_MS : expiresSeconds * 1000;
  if (at >= now - lifeMs) return undefined;
  const rule = expiresSeconds === undefined ? ` - ${skew}` : ` - ${expiresSeconds} s`;
  return signatureExpired({ signed, earliest: basicTime(now - lifeMs), now: basicTime(now), rule });
}

/** NaN for an impossible date such as the 32nd, which no comparison lets pass. */
const fromBasicTime = (text: string): EpochMs =>
  Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));

interface Owner {
  readonly secret: string;
  readonly caller: Caller;
}

/** Whose key id this is. A session's key needs its token, a user's key must come without one. */
function ownerOf({ accessKeyId, sessionToken }: SignatureClaim, { world, keys }: CallerCheck): Owner | undefined {
  if (sessionToken === undefined) {
    const user = world.users.find((candidate) => candidate.accessKeyId === accessKeyId);
    return user && { secret: user.secretAccessKey, caller: userCaller(user) };
  }
  const session = keys.sessionOf(accessKeyId, sessionToken);
  return session && { secret: keys.secretOf(accessKeyId), caller: sessionCaller(session) };
}

function userCaller({ arn }: User): Caller {
  const [, partition = "", , , accountId = ""] = arn.split(":");
  return { arn, principalArn: arn, accountId, partition, userId: uniqueId("AIDA", arn) };
}

function sessionCaller(session: Session): Caller {
  const [, partition = "", , , accountId = ""] = session.roleArn.split(":");
  const { arn, userId } = assumedRole(session.roleArn, session.sessionName);
  return { arn, principalArn: session.roleArn, accountId, partition, userId, session };
}

/** The two names of a session. The role's path is in neither. */
export function assumedRole(roleArn: string, sessionName: string): { arn: string; userId: string } {
  const [, partition, , , accountId] = roleArn.split(":");
  return {
    arn: `arn:${partition}:sts::${accountId}:assumed-role/${lastSegment(roleArn)}/${sessionName}`,
    userId: `${uniqueId("AROA", roleArn)}:${sessionName}`,
  };
}
