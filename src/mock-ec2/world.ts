import { createHash } from "node:crypto";
import type { EpochMs } from "../core/credentials.ts";
import type { PermissionStatement } from "./permission-policy.ts";
import type { TrustStatement } from "./trust-policy.ts";

/** All there is: one EC2 instance, and the roles and users that STS knows. */
export interface World {
  readonly instance: Instance;
  /** ARN patterns (`*` and `?`): what the permission policy of the host's own role lets it assume. */
  readonly hostMayAssume: readonly string[];
  /** That permission policy itself, in the place of the patterns. */
  readonly hostPermissionPolicy?: readonly PermissionStatement[];
  /** Undefined: every role exists, and trusts the host's role and every user. */
  readonly roles?: readonly Role[];
  readonly users: readonly User[];
}

export interface Instance {
  readonly id: string;
  readonly type: string;
  readonly region: string;
  readonly availabilityZone: string;
  readonly accountId: string;
  /** "aws", "aws-cn", "aws-us-gov", ... */
  readonly partition: string;
  /** `[path/]name` of the role in the instance profile, without a leading slash. */
  readonly role: string;
  /** `[path/]name` of the instance profile, which need not be the role's. */
  readonly instanceProfile: string;
  readonly amiId: string;
  readonly privateIp: string;
  readonly publicIp: string;
  readonly userData?: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly lifecycle: "on-demand" | "spot" | "scheduled";
  /** Shown under `spot/`, as two minutes before an interruption. */
  readonly spotInterruption?: { readonly action: "terminate" | "stop" | "hibernate"; readonly time: EpochMs };
  /** Shown under `events/recommendations/rebalance`. */
  readonly rebalanceNoticeTime?: EpochMs;
  /** Shown under `autoscaling/target-lifecycle-state`, e.g. "InService". */
  readonly autoscalingState?: string;
}

export interface Role {
  readonly arn: string;
  readonly trust: readonly TrustStatement[];
  /** MaxSessionDuration: 3600 to 43200. */
  readonly maxSessionSeconds: number;
  /** ARN patterns: what the role's own permission policy lets its sessions assume. */
  readonly mayAssume: readonly string[];
}

/** Long-lived keys, as of an IAM user: what such a caller assumes is no chained session. */
export interface User {
  readonly arn: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly mayAssume: readonly string[];
}

/** What may be left out of an instance: each absent value gets a default that fits the others. */
export type InstanceGiven = { readonly [K in keyof Instance]?: Instance[K] | undefined };

export function instanceFrom(given: InstanceGiven): Instance {
  const region = given.region ?? "us-east-1";
  const role = given.role ?? "mock-ec2-host";
  const defaults: Instance = {
    id: "i-0123456789abcdef0",
    type: "t3.micro",
    region,
    availabilityZone: `${region}a`,
    accountId: "111122223333",
    partition: partitionOf(region),
    role,
    instanceProfile: lastSegment(role),
    amiId: "ami-0123456789abcdef0",
    privateIp: "172.31.16.42",
    publicIp: "203.0.113.25",
    tags: {},
    lifecycle: "on-demand",
  };
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...defaults, ...present };
}

/** https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html */
function partitionOf(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn";
  if (region.startsWith("us-gov-")) return "aws-us-gov";
  return region.startsWith("eusc-") ? "aws-eusc" : "aws";
}

/** The world of a laptop without a file: the host may assume every role of every account. */
export const openWorld = (): World => ({ instance: instanceFrom({}), hostMayAssume: ["*"], users: [] });

export const hostRoleArn = ({ partition, accountId, role }: Instance): string =>
  `arn:${partition}:iam::${accountId}:role/${role}`;

/** The part of a path after its last slash: the name that the metadata service lists. */
export const lastSegment = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** A unique id as IAM writes them, always the same for the same thing: "AROA" and 17 of A-Z2-7. */
export function uniqueId(prefix: "AROA" | "AIPA" | "AIDA", thing: string): string {
  const digest = createHash("sha256").update(`${prefix} ${thing}`).digest();
  return prefix + base32(digest).slice(0, UNIQUE_ID_LENGTH - prefix.length);
}

const UNIQUE_ID_LENGTH = 21;
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** One letter a byte: five bits of each, enough for ids that only need to differ. */
export const base32 = (bytes: Uint8Array): string => Array.from(bytes, (byte) => BASE32[byte & 31]).join("");
