/**
 * The names under which the service is asked: its own, and the loopback
 * addresses of a host without interception. A page that rebinds its own name
 * to our address sends that name, and is refused.
 */
const SERVICE_NAMES: ReadonlySet<string> = new Set([
  "169.254.169.254",
  "[fd00:ec2::254]",
  "fd00:ec2::254", // AWS CRT leaves the brackets out
  "instance-data",
  "instance-data.ec2.internal",
  "[::1]",
]);
const LOOPBACK = /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/;
const PORT = /(?<=[^:]):\d{1,5}$/;
const UNBRACKETED_V6 = /^[^[]*:.*:/;
const AUTHORITY = /^[a-z][a-z0-9+.-]*:\/\/(?<authority>[^/?#]*)/i;

/** @param host the value of the Host field or of a target's authority, port and all */
export function isServiceHost(host: string): boolean {
  if (SERVICE_NAMES.has(host)) return true; // as every SDK but one sends it
  const name = UNBRACKETED_V6.test(host) ? host : host.replace(PORT, "");
  return SERVICE_NAMES.has(name.toLowerCase()) || LOOPBACK.test(name);
}

/** The authority of a target in absolute form ("http://HOST/path"), as a client behind a proxy sends it. */
export const authorityOf = (target: string): string | undefined =>
  target.startsWith("/") ? undefined : AUTHORITY.exec(target)?.groups?.["authority"];
