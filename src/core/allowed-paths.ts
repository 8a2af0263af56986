import type { PathPattern } from "./path-pattern.ts";

/**
 * What a workload may read of the host's own metadata; everything that is not
 * here does not exist for it. AWS adds categories without notice
 * (`identity-credentials` and `managed-ssh-keys` came so), hence an allow list.
 *
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html
 */
export interface PathEntry extends PathPattern {
  readonly because: string;
}

const leaf = (path: string, because: string): PathEntry => ({ segments: path.split("/"), extent: "leaf", because });
const tree = (path: string, because: string): PathEntry => ({ segments: path.split("/"), extent: "tree", because });

export const ALLOWED_ENTRIES: readonly PathEntry[] = [
  leaf("dynamic/instance-identity/document", "SDKs read region and account here; unsigned, so it proves nothing"),
  tree("dynamic/fws", "says whether detailed monitoring is on"),
  leaf("meta-data/ami-id", "inventory; no secret"),
  leaf("meta-data/ami-launch-index", "inventory; no secret"),
  leaf("meta-data/ami-manifest-path", "inventory; no secret"),
  leaf("meta-data/ancestor-ami-ids", "inventory; no secret"),
  tree("meta-data/autoscaling", "agents drain when the target state changes"),
  tree("meta-data/block-device-mapping", "device names; no secret"),
  tree("meta-data/elastic-gpus", "inventory; no secret"),
  tree("meta-data/elastic-inference", "inventory; no secret"),
  tree("meta-data/events", "agents drain before maintenance and on a rebalance recommendation"),
  leaf("meta-data/hostname", "the identity document holds the same private address"),
  leaf("meta-data/instance-action", "agents look for a coming reboot"),
  leaf("meta-data/instance-id", "log and metric agents name their host by it"),
  leaf("meta-data/instance-life-cycle", "spot or on-demand"),
  leaf("meta-data/instance-type", "inventory; no secret"),
  leaf("meta-data/kernel-id", "inventory; no secret"),
  leaf("meta-data/local-hostname", "the identity document holds the same private address"),
  leaf("meta-data/local-ipv4", "the identity document holds the same private address"),
  leaf("meta-data/mac", "log agents read it; names the interface, opens nothing"),
  tree("meta-data/placement", "SDKs find region and zone here"),
  leaf("meta-data/product-codes", "inventory; no secret"),
  leaf("meta-data/profile", "virtualisation type"),
  leaf("meta-data/ramdisk-id", "inventory; no secret"),
  tree("meta-data/services", "SDKs find partition and DNS suffix here"),
  tree("meta-data/spot", "agents drain before a spot interruption"),
  leaf("meta-data/system", "virtualisation type"),
];

/**
 * What no setting can open: whoever reads these can act as the host, or prove to be it. Of `iam`, taskrole makes the
 * workload's own documents itself; the host's are never asked for.
 */
export const NEVER_ENTRIES: readonly PathEntry[] = [
  tree("meta-data/iam", "the host's role credentials"),
  tree("meta-data/identity-credentials", "credentials of the instance's own identity, for Systems Manager and others"),
  tree("meta-data/managed-ssh-keys", "keys of EC2 Instance Connect"),
  tree("dynamic/instance-identity/dsa2048", "a signature that proves to third parties to be this host"),
  tree("dynamic/instance-identity/pkcs7", "a signature that proves to third parties to be this host"),
  tree("dynamic/instance-identity/rsa2048", "a signature that proves to third parties to be this host"),
  tree("dynamic/instance-identity/signature", "a signature that proves to third parties to be this host"),
];
