import { readFileSync } from "node:fs";
import { attempt } from "../kit/attempt.ts";
import type { InterceptedAddress } from "./intercepted-address.ts";
import { linkTowards } from "./routes.ts";

/**
 * Whether a process's network has a route to one of the addresses. Undefined when it cannot be told: there is no such
 * process, or not in this /proc. Needs no privilege.
 */
export function hasWayOut(pid: number, addresses: readonly InterceptedAddress[], proc = "/proc"): boolean | undefined {
  const read = (file: "route" | "ipv6_route"): string | undefined =>
    attempt(() => readFileSync(`${proc}/${pid}/net/${file}`, "latin1"));
  if (read("route") === undefined) return undefined;
  // Without IPv6 there is no file of its routes.
  return addresses.some(({ address }) => linkTowards(address, (file) => read(file) ?? "") !== undefined);
}
