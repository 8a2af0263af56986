import { FAMILY_NAMES, type IpFamily } from "./ip-rules.ts";

/** What iptables cannot do, for the operator; status and the log at the start say it in these words. */
export const LISTENING =
  "With iptables a container's answers are not protected: a neighbour on the same bridge that claims its address can read " +
  "them, credentials too. interception: nftables protects them.";

export const toldApartByAddress = (family: IpFamily, reason: string): string =>
  `Containers are told apart by their ${FAMILY_NAMES[family]} address alone, because ${reason}: a neighbour on the same bridge that ` +
  "claims a container's address gets that container's role. For bindings load br_netfilter, set " +
  "net.bridge.bridge-nf-call-iptables and bridge-nf-call-ip6tables to 1, and start taskrole again.";
