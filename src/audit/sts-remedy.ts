import type { Failure } from "../core/failure.ts";

type Denial = Extract<Failure, { kind: "sts-denied" }>;

/**
 * The two places to look, the likelier first where STS said which.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-user.html (both sides of a role)
 */
export function denialRemedy({ code, roleArn, callerArn, missing }: Denial): string {
  if (!DENIED_BY_POLICY.has(code)) return REMEDY_BY_CODE.get(code) ?? "see what STS said (cause)";
  const host = callerArn === undefined ? "the host's role" : `the host's role (${callerArn})`;
  const permission = `a policy of ${host} must allow sts:AssumeRole on ${roleArn}`;
  const trust = `the trust policy of ${roleArn} must name ${host} as its principal`;
  if (missing === "host-permission") return `by STS's words, ${permission}; and ${trust}`;
  if (missing === "role-trust") return `by STS's words, ${trust}; and ${permission}`;
  return `two policies must agree, and the role must exist: ${permission}; ${trust}`;
}

const DENIED_BY_POLICY: ReadonlySet<string> = new Set(["AccessDenied", "AccessDeniedException"]);

export function unavailableRemedy(code: string): string {
  if (CERTIFICATE_CODE.test(code))
    return "name the authority that STS's or the proxy's certificate is from: AWS_CA_BUNDLE";
  return REMEDY_BY_CODE.get(code) ?? "check the way from this host to STS: region, stsEndpoint, VPC endpoint, proxy";
}

/** https://nodejs.org/docs/latest-v24.x/api/tls.html#x509-certificate-error-codes */
const CERTIFICATE_CODE = /CERT|UNABLE_TO_VERIFY|ERR_TLS/;

const CREDENTIALS =
  "STS does not take the host's own credentials: check metadataUrl, the instance profile and its role";
const CLOCK = "set this host's clock, and keep it set (chrony, systemd-timesyncd)";

const PACKED =
  "policy, policyArns and tags of this session are too large together, as STS packs them (it says by how much in cause): " +
  "shorten the policy, or set fewer or shorter tags; a managed policy's ARN takes less than its text";

const REMEDY_BY_CODE: ReadonlyMap<string, string> = new Map([
  ["clock-ahead", CLOCK],
  ["SignatureDoesNotMatch", CLOCK],
  ["InvalidSignatureException", CLOCK],
  ["RequestExpired", CLOCK],
  ["ExpiredToken", CREDENTIALS],
  ["ExpiredTokenException", CREDENTIALS],
  ["InvalidClientTokenId", CREDENTIALS],
  ["UnrecognizedClientException", CREDENTIALS],
  ["ERR_PROXY_TUNNEL", "check HTTPS_PROXY; where STS is reached without it, name it in NO_PROXY"],
  ["ENOTFOUND", "check the region, stsEndpoint and this host's DNS"],
  ["EAI_AGAIN", "check this host's DNS"],
  ["ENOENT", "check that the file of AWS_CA_BUNDLE is there and can be read"],
  ["EACCES", "check that the file of AWS_CA_BUNDLE can be read"],
  ["PackedPolicyTooLarge", PACKED],
  ["PackedPolicyTooLargeException", PACKED],
  ["RegionDisabledException", "activate STS for this region in the role's account, or set region"],
  ["ValidationError", "check the role's ARN, and that its maximum session duration is not under sessionSeconds"],
]);
