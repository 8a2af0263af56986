import { readFileSync } from "node:fs";
import type { InterceptedAddress } from "./intercepted-address.ts";

/**
 * Whether a process's network has a route to one of the addresses. Undefined when it cannot be told: there is no such
 * process, or not in this /proc. Needs no privilege.
 */
export function hasWayOut(pid: number, addresses: readonly InterceptedAddress[], proc = "/proc"): boolean | undefined {
  try {
    const routes4 = readFileSync(`${proc}/${pid}/net/route`, "latin1");
    const routes6 = attempt(() => readFileSync(`${proc}/${pid}/net/ipv6_route`, "latin1")) ?? "";
    return addresses.some(({ family, address }) =>
      family === "ipv4" ? isRouted4(routes4, address) : isRouted6(routes6, address),
    );
  } catch {
    return undefined;
  }
}

/** https://github.com/torvalds/linux/blob/v6.1/include/uapi/linux/route.h#L50 */
const UP = 0x1;
const REJECT = 0x200;

const isUsable = (flags: string): boolean => (Number.parseInt(flags, 16) & (UP | REJECT)) === UP;

/** Fields of a line: interface, destination, gateway, flags, 3 more, mask; numbers in hex, addresses little-endian. */
function isRouted4(routes: string, address: string): boolean {
  const wanted = address.split(".").reduceRight((value, byte) => value * 256 + Number(byte), 0);
  return linesOf(routes).some(([, destination = "", , flags = "", , , , mask = ""]) => {
    const covered = (wanted & Number.parseInt(mask, 16)) >>> 0;
    return isUsable(flags) && covered === Number.parseInt(destination, 16);
  });
}

/** Fields of a line: destination, prefix length, 6 more, flags, interface; all in hex, addresses in 32 digits. */
function isRouted6(routes: string, address: string): boolean {
  const wanted = BigInt(`0x${digitsOf(address)}`);
  return linesOf(routes).some(([destination = "", length = "", , , , , , , flags = ""]) => {
    const free = 128n - BigInt(Number.parseInt(length, 16));
    return isUsable(flags) && wanted >> free === BigInt(`0x${destination}`) >> free;
  });
}

const linesOf = (text: string): readonly (readonly string[])[] =>
  text
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length >= 8 && fields[0] !== "Iface");

/** "fd00:ec2::254" in 32 hex digits. */
function digitsOf(address: string): string {
  const [head = "", tail = ""] = address.split("::", 2).map((part) =>
    part
      .split(":")
      .map((group) => group.padStart(4, "0"))
      .join(""),
  );
  return head.padEnd(32 - tail.length, "0") + tail;
}

function attempt<T>(task: () => T): T | undefined {
  try {
    return task();
  } catch {
    return undefined;
  }
}
