import type { Answer } from "../probe/exchange.ts";
import { roleIn, type Sight, type Sights } from "../probe/sight.ts";
import type { HostRole, Observations } from "./observations.ts";

const SEE_LOG = "the daemon's log says why";

/** "404", "ECONNREFUSED", or what was answered. */
export const wordOf = (answer: Answer): string => ("error" in answer ? answer.error : String(answer.status));

/** Undefined when these are the role and keys of the container's own; otherwise what is wrong. */
export function wrongWith(
  sight: Sight,
  { expected, host }: Pick<Observations, "expected" | "host">,
): string | undefined {
  const listed = roleIn(sight.listing);
  if ("error" in sight.listing) return `nothing answered (${sight.listing.error}): does the daemon run?`;
  if (listed === "") return `answered ${sight.listing.status} instead of a role; ${SEE_LOG}`;
  if (listed !== expected.roleName)
    return `listed \`${listed}\`${isHosts(listed, host)} instead of \`${expected.roleName}\``;
  const { code = "none", accessKeyId = "" } = sight.credentials ?? {};
  if (code !== "Success") return `listed, but no credentials came (${code}); ${SEE_LOG}`;
  return "accessKeyId" in host && accessKeyId === host.accessKeyId ? "the keys are the host's own" : undefined;
}

const isHosts = (name: string, host: HostRole): string =>
  "roleName" in host && host.roleName === name ? ", the host's own role," : "";

/**
 * What of the host's credentials a container had its hands on, in words; undefined: nothing.
 *
 * @param allowed names of roles that it may have, though the host's be called so, too
 */
export const hostsIn = (sights: Sights, host: HostRole, allowed: readonly string[]): string | undefined =>
  hostsOver(sights, host, allowed) ?? hostsOver(sights.over6, host, allowed);

function hostsOver(sight: Sight, host: HostRole, allowed: readonly string[]): string | undefined {
  const own = sight.credentials?.accessKeyId;
  const listings = [sight.listing, sight.listingWithoutToken].map(roleIn);
  if (!("roleName" in host)) return undefined;
  if (host.accessKeyId !== "" && own === host.accessKeyId) return "the host's own keys";
  if (listings.some((name) => name !== "" && name === host.roleName && !allowed.includes(name))) {
    return `the host's role \`${host.roleName}\``;
  }
  return sight.theft?.accessKeyIds.some((id) => id !== own) ? "keys that are not its own" : undefined;
}
