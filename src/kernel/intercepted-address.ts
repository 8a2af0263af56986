import type { IpFamily } from "./ip-rules.ts";

/** An address outside of this host's own, whose port 80 taskrole answers in the place of whoever is there. */
export interface InterceptedAddress {
  readonly family: IpFamily;
  readonly address: string;
  /** What comes to it, in the comments of the rules: "IPv4 metadata requests". */
  readonly requests: string;
  /** The same in a word or two, before "requests" or "packet". */
  readonly packets: string;
}

export const INTERCEPTED_PORT = 80;

/**
 * Where AWS SDKs look for the instance metadata service.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
 */
export const METADATA_ADDRESSES: readonly InterceptedAddress[] = [
  { family: "ipv4", address: "169.254.169.254", requests: "IPv4 metadata requests", packets: "IPv4" },
  { family: "ipv6", address: "fd00:ec2::254", requests: "IPv6 metadata requests", packets: "IPv6" },
];

const credentialsAddress = (family: IpFamily, address: string): InterceptedAddress => ({
  family,
  address,
  requests: `requests to ${address}`,
  packets: address,
});

/**
 * Where they look for container credentials: ECS's agent and EKS's, neither of which a plain EC2 host has.
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
 */
const CREDENTIALS_ADDRESSES: readonly InterceptedAddress[] = [
  credentialsAddress("ipv4", "169.254.170.2"),
  credentialsAddress("ipv4", "169.254.170.23"),
  credentialsAddress("ipv6", "fd00:ec2::23"),
];

export const ALL_ADDRESSES: readonly InterceptedAddress[] = [...METADATA_ADDRESSES, ...CREDENTIALS_ADDRESSES];
