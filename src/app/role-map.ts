import { createHash } from "node:crypto";
import type { RoleMap } from "../broker/mapped-workloads.ts";
import type { SessionClaims, Workload, WorkloadClaim } from "../core/workload.ts";
import type { Subnet } from "../kit/subnet.ts";
import { type RoleMapEntry, subnetOf } from "./role-map-schema.ts";

/** An entry, and where it stands: "/etc/taskrole/roles.yaml:7". */
export interface MappedSubnet {
  readonly subnet: Subnet;
  readonly entry: RoleMapEntry;
  readonly place: string;
}

/** Of the ranges that an address is in, the smallest counts. Asked at every request: it costs a look for each size of range. */
export function roleMapOf(subnets: readonly MappedSubnet[]): RoleMap {
  const bySize = Map.groupBy(subnets, ({ subnet: { shift } }) => shift);
  const sizes = [...bySize].toSorted(([one], [other]) => Number(one - other));
  const ranges = sizes.map(([shift, ofSize]) => ({
    shift,
    mapped: new Map(ofSize.map((one) => [keyOf(one.subnet.family, one.subnet.prefix), one])),
  }));
  return {
    workloadAt(address) {
      const alone = subnetOf(address);
      if (!alone) return undefined;
      const keys = ranges.map(({ shift, mapped }) => mapped.get(keyOf(alone.family, alone.prefix >> shift)));
      const found = keys.find((one) => one !== undefined);
      return found && workloadOf(address, found);
    },
  };
}

const keyOf = (family: Subnet["family"], prefix: bigint): string => `${family} ${prefix}`;

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Each address is a workload of its own, also within one range. */
function workloadOf(address: string, { entry, place }: MappedSubnet): Workload {
  return {
    id: digest(address),
    name: entry.name ?? address,
    startedAt: digest(JSON.stringify(entry)), // another life as soon as something else is written of it
    ...claimsOf(entry, place),
  };
}

type Claims = Pick<Workload, "roleClaim" | "pathsClaim" | "tokensClaim" | "sessionClaims">;

function claimsOf(entry: RoleMapEntry, place: string): Claims {
  const claim = (key: keyof RoleMapEntry, text: string): WorkloadClaim => ({ text, place: `${key} in ${place}` });
  const { role, metadata, tokens, sessionTags, transitiveTags, policy, policyArns, ...texts } = entry;
  const session = {
    ...Object.fromEntries(
      (["externalId", "sessionName", "sourceIdentity"] as const).flatMap((key) => {
        const text = texts[key];
        return text === undefined ? [] : [[key, claim(key, text)]];
      }),
    ),
    ...(policy !== undefined && {
      policy: claim("policy", typeof policy === "string" ? policy : JSON.stringify(policy)),
    }),
    ...(policyArns && { policyArns: claim("policyArns", policyArns.join(" ")) }),
    ...(transitiveTags && { transitiveTags: claim("transitiveTags", transitiveTags.join(",")) }),
    ...(sessionTags && { sessionTags: tagClaims(sessionTags, claim) }),
  } satisfies SessionClaims;
  return {
    sessionClaims: session,
    ...(role !== undefined && { roleClaim: claim("role", role) }),
    ...(metadata !== undefined && { pathsClaim: claim("metadata", metadata) }),
    ...(tokens !== undefined && { tokensClaim: claim("tokens", tokens) }),
  };
}

const tagClaims = (
  tags: Readonly<Record<string, string>>,
  claim: (key: "sessionTags", text: string) => WorkloadClaim,
): Readonly<Record<string, WorkloadClaim>> =>
  Object.fromEntries(Object.entries(tags).map(([key, text]) => [key, claim("sessionTags", text)]));
