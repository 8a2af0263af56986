import type { IpFamily } from "./ip-rules.ts";

/** An address that counts on one port of a bridge and for one hardware address alone. */
export interface BoundAddress {
  readonly family: IpFamily;
  /** In the spelling of RFC 5952, as nft and iptables list it. */
  readonly address: string;
  /** Lower case, with colons. */
  readonly macAddress: string;
  /** The host's end of the container's link: "veth9e1677a". */
  readonly veth: string;
  /** For whoever lists the table: whose it is, and since when. Letters, digits and a few signs alone. */
  readonly note: string;
}

export interface BindingChange {
  readonly verb: "add" | "delete";
  readonly bound: BoundAddress;
}

/** Where the kernel keeps the bindings. */
export interface BindingStore {
  /** In their order, all or none. @returns why the kernel did not take them; undefined when it did */
  change(changes: readonly BindingChange[]): Promise<string | undefined>;
}
