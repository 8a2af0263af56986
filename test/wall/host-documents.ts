/** What every secret of the host begins with here, so that one look at an answer finds them all. */
export const CANARY = "CANARY";

export const HOST_ROLE = `${CANARY}-host-role`;
export const UPSTREAM_TOKEN = `${CANARY}tokenOfTheHostItself==`;
export const INSTANCE_ID = "i-0123456789abcdef0";
const MAC = "0e:49:61:0f:c3:11";

/** A path below the version that no workload may read of the host; everything below it, and whatever begins so, too. */
export const GUARDED: readonly string[] = [
  "user-data",
  "dynamic/instance-identity/pkcs7",
  "dynamic/instance-identity/signature",
  "dynamic/instance-identity/rsa2048",
  "dynamic/instance-identity/dsa2048",
  "meta-data/iam",
  "meta-data/identity-credentials",
  "meta-data/managed-ssh-keys",
  "meta-data/network",
  "meta-data/public-",
  "meta-data/reservation-id",
  "meta-data/security-groups",
  "meta-data/tags",
];

/** What is asked for in all spellings; without the version. */
export const WANTED: readonly string[] = [
  "meta-data/iam",
  "meta-data/iam/info",
  "meta-data/iam/security-credentials",
  "meta-data/iam/security-credentials/",
  `meta-data/iam/security-credentials/${HOST_ROLE}`,
  "meta-data/iam/security-credentials-extended",
  `meta-data/iam/security-credentials-extended/${HOST_ROLE}`,
  "meta-data/identity-credentials/ec2/info",
  "meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
  "user-data",
  "dynamic/instance-identity/pkcs7",
  "dynamic/instance-identity/signature",
  "dynamic/instance-identity/rsa2048",
  "dynamic/instance-identity/dsa2048",
  "meta-data/managed-ssh-keys/signer-cert",
  "meta-data/managed-ssh-keys/active-keys/ubuntu",
  "meta-data/public-keys/0/openssh-key",
  "meta-data/tags/instance/Name",
  `meta-data/network/interfaces/macs/${MAC}/security-group-ids`,
  "meta-data/security-groups",
  "meta-data/public-ipv4",
  "meta-data/reservation-id",
  "api/token",
];

/** What every workload may read of the host: text that gives nothing away. */
export const HARMLESS: ReadonlyMap<string, string> = new Map([
  [
    "dynamic/instance-identity/document",
    '{\n  "accountId" : "111122223333",\n  "region" : "us-east-1",\n  "instanceId" : "i-0123456789abcdef0"\n}',
  ],
  ["dynamic/fws", "instance-monitoring"],
  ["dynamic/fws/instance-monitoring", "disabled"],
  ["meta-data/ami-id", "ami-0123456789abcdef0"],
  ["meta-data/ami-launch-index", "0"],
  ["meta-data/ami-manifest-path", "(unknown)"],
  ["meta-data/ancestor-ami-ids", "ami-00000000000000001"],
  ["meta-data/autoscaling", "target-lifecycle-state"],
  ["meta-data/autoscaling/target-lifecycle-state", "InService"],
  ["meta-data/block-device-mapping", "ami\nroot"],
  ["meta-data/block-device-mapping/ami", "xvda"],
  ["meta-data/block-device-mapping/root", "/dev/xvda"],
  ["meta-data/elastic-gpus/associations/eg-1", "a graphics card"],
  ["meta-data/elastic-inference/associations/ei-1", "an accelerator"],
  ["meta-data/events", "maintenance/\nrecommendations/"],
  ["meta-data/events/maintenance/history", "[]"],
  ["meta-data/events/recommendations/rebalance", '{"noticeTime": "2026-01-02T03:04:05Z"}'],
  ["meta-data/hostname", "ip-172-31-16-42.ec2.internal"],
  ["meta-data/instance-action", "none"],
  ["meta-data/instance-id", INSTANCE_ID],
  ["meta-data/instance-life-cycle", "on-demand"],
  ["meta-data/instance-type", "t3.micro"],
  ["meta-data/kernel-id", "aki-1"],
  ["meta-data/local-hostname", "ip-172-31-16-42.ec2.internal"],
  ["meta-data/local-ipv4", "172.31.16.42"],
  ["meta-data/mac", MAC],
  ["meta-data/placement", "availability-zone\nregion"],
  ["meta-data/placement/availability-zone", "us-east-1a"],
  ["meta-data/placement/region", "us-east-1"],
  ["meta-data/product-codes", "code-1"],
  ["meta-data/profile", "default-hvm"],
  ["meta-data/ramdisk-id", "ari-1"],
  ["meta-data/services", "domain\npartition"],
  ["meta-data/services/domain", "amazonaws.com"],
  ["meta-data/services/partition", "aws"],
  ["meta-data/spot", "termination-time"],
  ["meta-data/spot/termination-time", "2026-01-02T03:04:05Z"],
  ["meta-data/system", "nitro"],
]);

/** Directories above both kinds; each entry with {@link CANARY} in it is not for workloads. */
export const LISTINGS: ReadonlyMap<string, string> = new Map([
  ["", `dynamic\nmeta-data\nuser-data\n${CANARY}-entry/`],
  ["dynamic", `fws/\ninstance-identity/\n${CANARY}-entry/`],
  ["dynamic/instance-identity", `document\npkcs7\nsignature\n${CANARY}-entry`],
  ["meta-data", `ami-id\niam/\ninstance-id\nnetwork/\nplacement/\npublic-keys/\n${CANARY}-entry/`],
]);

/**
 * Below the version: leaves may be read as they are, of trees everything below as well. Written once more and not taken
 * from the product, so that a change of its list is seen here.
 */
const MAY_BE_ASKED = {
  leaves: `dynamic/instance-identity/document meta-data/ami-id meta-data/ami-launch-index meta-data/ami-manifest-path
    meta-data/ancestor-ami-ids meta-data/hostname meta-data/instance-action meta-data/instance-id
    meta-data/instance-life-cycle meta-data/instance-type meta-data/kernel-id meta-data/local-hostname
    meta-data/local-ipv4 meta-data/mac meta-data/product-codes meta-data/profile meta-data/ramdisk-id meta-data/system`,
  trees: `dynamic/fws meta-data/autoscaling meta-data/block-device-mapping meta-data/elastic-gpus
    meta-data/elastic-inference meta-data/events meta-data/placement meta-data/services meta-data/spot`,
  directories: "dynamic dynamic/instance-identity meta-data",
};

const words = (text: string): readonly string[] => text.split(/\s+/);
const VERSION = String.raw`(?:latest|1\.0|20\d\d-\d\d-\d\d)`;
/** One segment below a tree: the characters of metadata keys, each spelt as `encodeURIComponent` spells it, and no dots alone. */
const SEGMENT = String.raw`(?!\.{1,2}(?:/|$))(?:[A-Za-z0-9._-]|%2B|%3D|%2C|%40|%3A)+`;

/** The targets that may arrive upstream for a workload, each in its one spelling. */
export const CANONICAL_TARGET = new RegExp(
  `^/(?:${VERSION}/(?:${[
    ...words(MAY_BE_ASKED.leaves),
    ...words(MAY_BE_ASKED.directories),
    `(?:${words(MAY_BE_ASKED.trees).join("|")})(?:/${SEGMENT})*`,
  ].join("|")})?)?$`,
);

const CREDENTIALS = "/latest/meta-data/iam/security-credentials/";
/** What taskrole asks for itself, of its own accord. */
export const TARGETS_OF_THE_DAEMON: ReadonlySet<string> = new Set([
  `GET ${CREDENTIALS}`,
  `GET ${CREDENTIALS}${HOST_ROLE}`,
  "GET /latest/dynamic/instance-identity/document",
  "GET /latest/meta-data/services/partition",
]);
export const TOKEN_REQUEST = "PUT /latest/api/token";
