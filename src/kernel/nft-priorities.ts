import type { NftPriority } from "./nft-table.ts";

/** Of the inet family, by number: https://wiki.nftables.org/wiki-nftables/index.php/Netfilter_hooks */
const STANDARD_PRIORITY = { dstnat: -100, filter: 0 } as const;

/**
 * How far before the standard priority our chains run: in a nat hook the first match decides, and with port 80
 * published and 169.254.169.254 held by the host, Docker's own rule at dstnat would take the packet.
 */
const LEAD = 10;

export const before = (name: keyof typeof STANDARD_PRIORITY): NftPriority => ({
  words: `${name} - ${LEAD}`,
  value: STANDARD_PRIORITY[name] - LEAD,
});

/** As far behind it: what a packet became by the standard chains and by ours is seen. */
export const after = (name: keyof typeof STANDARD_PRIORITY): NftPriority => ({
  words: `${name} + ${LEAD}`,
  value: STANDARD_PRIORITY[name] + LEAD,
});

/** nft knows the name "dstnat" in no other hook than prerouting. */
export const BEFORE_DSTNAT: NftPriority = {
  words: `${STANDARD_PRIORITY.dstnat - LEAD}`,
  value: STANDARD_PRIORITY.dstnat - LEAD,
};
