/** What a workload asks of: the instance metadata service, or the container credentials endpoint. */
export type Surface = "metadata" | "credentials";

/**
 * The names under which each is asked, and the loopback addresses of a host without interception, under which both
 * are. A page that rebinds its own name to our address sends that name, and is refused.
 */
const SURFACES: ReadonlyMap<string, readonly Surface[]> = new Map([
  ["169.254.169.254", ["metadata"]],
  ["[fd00:ec2::254]", ["metadata"]],
  ["fd00:ec2::254", ["metadata"]], // AWS CRT leaves the brackets out
  ["instance-data", ["metadata"]],
  ["instance-data.ec2.internal", ["metadata"]],
  ["169.254.170.2", ["credentials"]],
  ["169.254.170.23", ["credentials"]],
  ["[fd00:ec2::23]", ["credentials"]],
  ["fd00:ec2::23", ["credentials"]],
  ["[::1]", ["metadata", "credentials"]],
]);
const BOTH: readonly Surface[] = ["metadata", "credentials"];
const LOOPBACK = /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/;
const PORT = /(?<=[^:]):\d{1,5}$/;
const UNBRACKETED_V6 = /^[^[]*:.*:/;
const AUTHORITY = /^[a-z][a-z0-9+.-]*:\/\/(?<authority>[^/?#]*)/i;

/**
 * @param host the value of the Host field or of a target's authority, port and all; undefined where a client sent none
 * @returns which of the surfaces is asked, the likelier first; undefined for a name that is none of ours
 */
export function surfacesOf(host: string | undefined): readonly Surface[] | undefined {
  if (host === undefined) return BOTH;
  const known = SURFACES.get(host); // as every SDK but one sends it
  if (known) return known;
  const name = UNBRACKETED_V6.test(host) ? host : host.replace(PORT, "");
  return SURFACES.get(name.toLowerCase()) ?? (LOOPBACK.test(name) ? BOTH : undefined);
}

/** The authority of a target in absolute form ("http://HOST/path"), as a client behind a proxy sends it. */
export const authorityOf = (target: string): string | undefined =>
  target.startsWith("/") ? undefined : AUTHORITY.exec(target)?.groups?.["authority"];
