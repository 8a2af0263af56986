import { isIPv4, isIPv6 } from "node:net";

/**
 * One spelling for each address, so that what the kernel, Docker and an operator write can be compared as text: IPv4
 * dotted, also when it came as IPv4-mapped IPv6; IPv6 as RFC 5952 says, without its zone.
 *
 * @returns undefined when the text is no legal address. Total; never throws.
 */
export function canonicalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  if (!isIPv6(text)) return undefined;
  const address = compressed(text.replace(/%.*$/s, ""));
  return embeddedIpv4(address) ?? address;
}

/** The URL standard's serialisation is RFC 5952's, but for IPv4 inside. https://url.spec.whatwg.org/#concept-ipv6-serializer */
const compressed = (address: string): string => new URL(`http://[${address}]`).hostname.slice(1, -1);

const MAPPED = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

function embeddedIpv4(address: string): string | undefined {
  const [, high, low] = MAPPED.exec(address) ?? [];
  if (high === undefined || low === undefined) return undefined;
  return [...octetsOf(high), ...octetsOf(low)].join(".");
}

function octetsOf(group: string): readonly number[] {
  const value = Number.parseInt(group, 16);
  return [value >> 8, value & 0xff];
}
