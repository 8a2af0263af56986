import { readFile } from "node:fs/promises";
import type { IpFamily } from "./ip-rules.ts";

/** A file's text; undefined when there is none. */
export type ReadSetting = (path: string) => Promise<string | undefined>;

export const readSetting: ReadSetting = (path) => readFile(path, "utf8").catch(() => undefined);

/** https://docs.kernel.org/networking/ip-sysctl.html, "/proc/sys/net/bridge/* Variables" */
const NAMES: Readonly<Record<IpFamily, string>> = {
  ipv4: "bridge-nf-call-iptables",
  ipv6: "bridge-nf-call-ip6tables",
};

export const bridgeSetting = (family: IpFamily): string => `net.bridge.${NAMES[family]}`;

/**
 * Why iptables does not see by which port of a bridge a packet comes; undefined when it does.
 */
export async function whyPortsUnseen(family: IpFamily, read: ReadSetting): Promise<string | undefined> {
  const value = await read(`/proc/sys/net/bridge/${NAMES[family]}`);
  if (value === undefined) return "the kernel's br_netfilter is not loaded";
  return value.trim() === "0" ? `${bridgeSetting(family)} is 0` : undefined;
}
