import { existsSync, readFileSync } from "node:fs";

/** What decides on this host whether, and how, packets can be intercepted. */
export interface HostFacts {
  readonly isLinux: boolean;
  /** True when the programs this process starts will have CAP_NET_ADMIN. */
  readonly mayChangeNetwork: boolean;
  /** False when the kernel runs without IPv6: then nothing can be asked for over it. */
  readonly hasIpv6: boolean;
}

export const readHostFacts = (): HostFacts => ({
  isLinux: process.platform === "linux",
  mayChangeNetwork: process.platform === "linux" && mayChangeNetwork(readFileSync("/proc/self/status", "latin1")),
  hasIpv6: existsSync("/proc/net/if_inet6"),
});

/** https://github.com/torvalds/linux/blob/v6.1/include/uapi/linux/capability.h#L205 */
const CAP_NET_ADMIN_BIT = 12n;
const CAP_SYS_PTRACE_BIT = 19n;

/** Reads /proc/PID/status, as {@link maySeeNamespaces} does. */
export const mayChangeNetwork = (status: string): boolean => passesOn(status, CAP_NET_ADMIN_BIT);

/** Whether the network namespaces of other users' processes can be told apart: only then is a container's link found. */
export const maySeeNamespaces = (status = readFileSync("/proc/self/status", "latin1")): boolean =>
  passesOn(status, CAP_SYS_PTRACE_BIT);

/**
 * Root's capabilities pass on to the programs it starts; anyone else's only when they are ambient, so that
 * capabilities set on this program's file are not enough (capabilities(7), "execve").
 */
function passesOn(status: string, capabilityBit: bigint): boolean {
  const effectiveUid = /^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1];
  const passedOn = effectiveUid === "0" ? "CapEff" : "CapAmb";
  const capabilities = new RegExp(`^${passedOn}:\\s+([0-9a-f]+)`, "m").exec(status)?.[1] ?? "0";
  return ((BigInt(`0x${capabilities}`) >> capabilityBit) & 1n) === 1n;
}
