import { canonicalAddress } from "../kit/ip-address.ts";

/**
 * The address of a socket's peer as {@link canonicalAddress} spells it. undefined when the peer has already gone:
 * `remoteAddress` is then undefined, on Node and on Bun.
 */
export function normalisePeerAddress(remoteAddress: string | undefined): string | undefined {
  return remoteAddress === undefined ? undefined : canonicalAddress(remoteAddress);
}

/** @param address as {@link canonicalAddress} spells it; one that is not known is none */
export const isLoopback = (address: string | undefined): boolean =>
  address !== undefined && (address === "::1" || /^127\./.test(address));
