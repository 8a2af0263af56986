/**
 * What a workload may read of the host's own metadata; everything that is not
 * here does not exist for it. AWS adds categories without notice
 * (`identity-credentials` and `managed-ssh-keys` came so), hence an allow list.
 *
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html
 */
export interface AllowedEntry {
  /** Below the version, without slashes at its ends. */
  readonly path: string;
  /** "tree" allows everything below as well. */
  readonly extent: "leaf" | "tree";
  readonly because: string;
}

const leaf = (path: string, because: string): AllowedEntry => ({ path, extent: "leaf", because });
const tree = (path: string, because: string): AllowedEntry => ({ path, extent: "tree", because });

export const ALLOWED_ENTRIES: readonly AllowedEntry[] = [
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

declare const allowed: unique symbol;

/** A path below the version that the allow list names: only {@link allowanceOf} makes one. */
export type AllowedPath = readonly string[] & { readonly [allowed]: true };

export type Allowance =
  /** May be asked of the upstream service as it is. */
  | { readonly kind: "document"; readonly path: AllowedPath }
  /** A directory above allowed paths: its listing shows only the way to these. */
  | { readonly kind: "directory"; readonly path: AllowedPath; readonly children: ReadonlySet<string> };

/** @param segments below the version, canonical. Undefined: blocked, or never heard of, which is the same to a workload. */
export function allowanceOf(segments: readonly string[]): Allowance | undefined {
  const path = segments as AllowedPath;
  if (ALLOWED_ENTRIES.some((entry) => covers(entry, segments))) return { kind: "document", path };
  const children = ALLOWED_ENTRIES.flatMap(({ path: below }) => childToward(below.split("/"), segments));
  return children.length > 0 ? { kind: "directory", path, children: new Set(children) } : undefined;
}

function covers({ path, extent }: AllowedEntry, segments: readonly string[]): boolean {
  const asked = segments.join("/");
  return asked === path || (extent === "tree" && asked.startsWith(`${path}/`));
}

/** The next segment on the way from `from` down to `below`; [] when it does not lie below. */
const childToward = (below: readonly string[], from: readonly string[]): string[] => {
  const next = below[from.length];
  return next !== undefined && from.every((segment, i) => segment === below[i]) ? [next] : [];
};
