import { utcSeconds } from "../core/utc-seconds.ts";
import { type InstanceDocuments, zoneId } from "./instance-documents.ts";
import { hostRoleArn, type Instance, lastSegment } from "./world.ts";

/** A leaf's text, written when it is asked for; a directory otherwise. Undefined is not there: neither listed nor found. */
export type MetadataNode = string | (() => string) | MetadataDirectory | undefined;

/** By name, in no order: listings sort. A name "0=x" is listed as it stands and found as "0" too, as public keys are. */
export interface MetadataDirectory {
  readonly [name: string]: MetadataNode;
}

/** Every version the service lists; all of them answer alike. */
export const METADATA_VERSIONS: readonly string[] = (
  "1.0 2007-01-19 2007-03-01 2007-08-29 2007-10-10 2007-12-15 2008-02-01 2008-09-01 2009-04-04 2011-01-01 2011-05-01 " +
  "2012-01-12 2014-02-25 2014-11-05 2015-10-20 2016-04-19 2016-06-30 2016-09-02 2018-03-28 2018-08-17 2018-09-24 " +
  "2019-10-01 2020-10-27 2021-01-03 2021-03-23 2021-07-15 2022-07-09 2022-09-24 2024-04-11 latest"
).split(" ");

/**
 * Everything under one version.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-metadata.html#instancedata-data-categories
 */
export const versionTree = (instance: Instance, documents: InstanceDocuments): MetadataDirectory => ({
  dynamic: {
    fws: { "instance-monitoring": "disabled" },
    "instance-identity": {
      document: documents.identity,
      dsa2048: () => documents.signature("dsa2048"),
      pkcs7: () => documents.signature("pkcs7"),
      rsa2048: () => documents.signature("rsa2048"),
      signature: () => documents.signature("signature"),
    },
  },
  "meta-data": metaData(instance, documents),
  "user-data": instance.userData === "" ? undefined : instance.userData,
});

const metaData = (instance: Instance, documents: InstanceDocuments): MetadataDirectory => ({
  "ami-id": instance.amiId,
  "ami-launch-index": "0",
  "ami-manifest-path": "(unknown)",
  autoscaling: unlessEmpty({ "target-lifecycle-state": instance.autoscalingState }),
  "block-device-mapping": { ami: "/dev/xvda", root: "/dev/xvda" },
  events: events(instance),
  hibernation: { configured: "false" },
  hostname: hostname(instance),
  iam: {
    info: documents.profileInfo,
    "security-credentials": { [lastSegment(hostRoleArn(instance))]: documents.profileCredentials },
  },
  "identity-credentials": {
    ec2: {
      info: documents.identityInfo,
      "security-credentials": { "ec2-instance": documents.identityCredentials },
    },
  },
  "instance-action": "none",
  "instance-id": instance.id,
  "instance-life-cycle": instance.lifecycle,
  "instance-type": instance.type,
  "local-hostname": hostname(instance),
  "local-ipv4": instance.privateIp,
  mac: MAC,
  "managed-ssh-keys": { "signer-cert": () => documents.signature("signer-cert") },
  metrics: { vhostmd: '<?xml version="1.0" encoding="UTF-8"?>' },
  network: { interfaces: { macs: { [MAC]: networkInterface(instance) } } },
  placement: {
    "availability-zone": instance.availabilityZone,
    "availability-zone-id": zoneId(instance),
    region: instance.region,
  },
  profile: "default-hvm",
  "public-hostname": publicHostname(instance),
  "public-ipv4": instance.publicIp,
  "public-keys": { "0=mock-ec2": { "openssh-key": documents.publicKey } },
  "reservation-id": "r-0123456789abcdef0",
  "security-groups": SECURITY_GROUP,
  services: { domain: domain(instance), partition: instance.partition },
  spot: spot(instance),
  system: "nitro",
  tags: unlessEmpty({ instance: unlessEmpty(instance.tags) }),
});

const MAC = "02:00:00:ac:1f:10";
const SECURITY_GROUP = "default";
const SUBNET = "172.31.16.0/20";
const VPC = "172.31.0.0/16";

const networkInterface = (instance: Instance): MetadataDirectory => ({
  "device-number": "0",
  "interface-id": "eni-0123456789abcdef0",
  "ipv4-associations": { [instance.publicIp]: instance.privateIp },
  "local-hostname": hostname(instance),
  "local-ipv4s": instance.privateIp,
  mac: MAC,
  "owner-id": instance.accountId,
  "public-hostname": publicHostname(instance),
  "public-ipv4s": instance.publicIp,
  "security-group-ids": "sg-0123456789abcdef0",
  "security-groups": SECURITY_GROUP,
  "subnet-id": "subnet-0123456789abcdef0",
  "subnet-ipv4-cidr-block": SUBNET,
  "vpc-id": "vpc-0123456789abcdef0",
  "vpc-ipv4-cidr-block": VPC,
  "vpc-ipv4-cidr-blocks": VPC,
});

/** Nothing is planned; a recommendation is there only once it was made. */
const events = ({ rebalanceNoticeTime }: Instance): MetadataDirectory => ({
  maintenance: { history: "[]", scheduled: "[]" },
  recommendations: unlessEmpty({
    rebalance: rebalanceNoticeTime === undefined ? undefined : json({ noticeTime: utcSeconds(rebalanceNoticeTime) }),
  }),
});

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html */
function spot({ spotInterruption }: Instance): MetadataDirectory | undefined {
  if (spotInterruption === undefined) return undefined;
  const { action } = spotInterruption;
  const time = utcSeconds(spotInterruption.time);
  return { "instance-action": json({ action, time }), "termination-time": action === "terminate" ? time : undefined };
}

const domain = ({ partition }: Instance): string => (partition === "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com");

/** us-east-1 is older than the rule. */
const hostname = ({ privateIp, region }: Instance): string =>
  `ip-${privateIp.replaceAll(".", "-")}.${region === "us-east-1" ? "ec2" : region}${region === "us-east-1" ? "" : ".compute"}.internal`;

const publicHostname = (instance: Instance): string => {
  const zone = instance.region === "us-east-1" ? "compute-1" : `${instance.region}.compute`;
  return `ec2-${instance.publicIp.replaceAll(".", "-")}.${zone}.${domain(instance)}`;
};

const unlessEmpty = (directory: MetadataDirectory): MetadataDirectory | undefined =>
  Object.values(directory).some((node) => node !== undefined) ? directory : undefined;

const json = (value: object): string => JSON.stringify(value);
