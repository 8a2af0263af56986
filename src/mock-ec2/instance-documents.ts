import { createHash } from "node:crypto";
import type { Credentials, EpochMs } from "../core/credentials.ts";
import { utcSeconds } from "../core/utc-seconds.ts";
import type { HostCredentials } from "./host-credentials.ts";
import { type Instance, lastSegment, uniqueId } from "./world.ts";

/** The larger documents of the tree, each written when it is asked for. */
export interface InstanceDocuments {
  readonly profileInfo: () => string;
  readonly profileCredentials: () => string;
  readonly identityInfo: () => string;
  readonly identityCredentials: () => string;
  readonly identity: () => string;
  readonly publicKey: () => string;
  readonly signature: (kind: SignatureKind) => string;
}

/** What AWS signs. The mock cannot: these have the right form and length, and verify nowhere. */
export type SignatureKind = "signature" | "pkcs7" | "rsa2048" | "dsa2048" | "signer-cert";

export interface DocumentSources {
  readonly instance: Instance;
  readonly launchedAt: EpochMs;
  readonly credentials: HostCredentials;
}

export const instanceDocuments = ({ instance, launchedAt, credentials }: DocumentSources): InstanceDocuments => {
  const updatedAt = () => utcSeconds(credentials.ofProfile(instance).issuedAt);
  const identity = () => identityDocument(instance, launchedAt);
  return {
    profileInfo: () => profileInfo(instance, updatedAt()),
    profileCredentials: () => credentialsDocument(credentials.ofProfile(instance)),
    identityInfo: () =>
      awsJson([
        ["Code", "Success"],
        ["LastUpdated", updatedAt()],
        ["AccountId", instance.accountId],
      ]),
    identityCredentials: () => credentialsDocument(credentials.ofIdentity(instance)),
    identity,
    publicKey: () => publicKey(instance.id),
    signature: (kind) => blob(SIGNATURE_BYTES[kind], `${kind} ${identity()}`),
  };
};

/**
 * Field for field as the service writes it.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
 */
const credentialsDocument = (credentials: Credentials): string =>
  awsJson([
    ["Code", "Success"],
    ["LastUpdated", utcSeconds(credentials.issuedAt)],
    ["Type", "AWS-HMAC"],
    ["AccessKeyId", credentials.accessKeyId],
    ["SecretAccessKey", credentials.secretAccessKey],
    ["Token", credentials.sessionToken],
    ["Expiration", utcSeconds(credentials.expiresAt)],
  ]);

const profileInfo = ({ partition, accountId, instanceProfile }: Instance, updatedAt: string): string => {
  const arn = `arn:${partition}:iam::${accountId}:instance-profile/${instanceProfile}`;
  return awsJson([
    ["Code", "Success"],
    ["LastUpdated", updatedAt],
    ["InstanceProfileArn", arn],
    ["InstanceProfileId", uniqueId("AIPA", arn)],
  ]);
};

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html */
const identityDocument = (instance: Instance, launchedAt: EpochMs): string =>
  awsJson([
    ["accountId", instance.accountId],
    ["architecture", /^[a-z]+\d+g/.test(instance.type) ? "arm64" : "x86_64"],
    ["availabilityZone", instance.availabilityZone],
    ["billingProducts", null],
    ["devpayProductCodes", null],
    ["marketplaceProductCodes", null],
    ["imageId", instance.amiId],
    ["instanceId", instance.id],
    ["instanceType", instance.type],
    ["kernelId", null],
    ["pendingTime", utcSeconds(launchedAt)],
    ["privateIp", instance.privateIp],
    ["ramdiskId", null],
    ["region", instance.region],
    ["version", "2017-09-30"],
  ]);

/** Two spaces, and a space before the colon, as the service writes its JSON. */
const awsJson = (fields: readonly (readonly [key: string, value: string | null])[]): string =>
  `{\n${fields.map(([key, value]) => `  ${JSON.stringify(key)} : ${JSON.stringify(value)}`).join(",\n")}\n}`;

/** In bytes, before they are written as base64. */
const SIGNATURE_BYTES: Readonly<Record<SignatureKind, number>> = {
  signature: 128,
  pkcs7: 820,
  rsa2048: 1130,
  dsa2048: 1060,
  "signer-cert": 960,
};
const BASE64_LINE = 64;

/** Bytes that follow from the seed, as base64 in lines. */
function blob(bytes: number, seed: string): string {
  const blocks = Array.from({ length: Math.ceil(bytes / 32) }, (_, i) => sha256(`${i} ${seed}`));
  const text = Buffer.concat(blocks).subarray(0, bytes).toString("base64");
  return (text.match(new RegExp(`.{1,${BASE64_LINE}}`, "g")) ?? []).join("\n");
}

/** An OpenSSH key of the ed25519 kind. https://www.rfc-editor.org/rfc/rfc8709#section-4 */
function publicKey(seed: string): string {
  const type = Buffer.from("ssh-ed25519");
  const lengthOf = (bytes: Uint8Array) => Buffer.from([0, 0, 0, bytes.length]);
  const key = sha256(`public key ${seed}`);
  return `ssh-ed25519 ${Buffer.concat([lengthOf(type), type, lengthOf(key), key]).toString("base64")} mock-ec2`;
}

/** "use1-az1" of us-east-1a. Real ids differ from account to account; the form is theirs. */
export function zoneId({ region, availabilityZone }: Instance): string {
  const short = region
    .split("-")
    .map((word) => SHORT_WORDS[word] ?? word)
    .join("");
  const letter = lastSegment(availabilityZone).at(-1) ?? "a";
  return `${short}-az${letter.charCodeAt(0) - "a".charCodeAt(0) + 1}`;
}

const SHORT_WORDS: Readonly<Record<string, string>> = {
  gov: "g",
  north: "n",
  south: "s",
  east: "e",
  west: "w",
  central: "c",
  northeast: "ne",
  northwest: "nw",
  southeast: "se",
  southwest: "sw",
};

const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest();
