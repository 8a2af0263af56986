import { readFileSync } from "node:fs";
import { BlockList, isIPv6 } from "node:net";

/** A network's main routes, as /proc/net/route and /proc/net/ipv6_route show them. */
export type ReadRoutes = (file: "route" | "ipv6_route") => string;

export const readHostRoutes: ReadRoutes = (file) => readFileSync(`/proc/net/${file}`, "latin1");

interface Route {
  readonly link: string;
  readonly network: string;
  readonly prefixLength: number;
  readonly metric: number;
}

/**
 * The link by which a network routes an address, read without starting a program. The most specific route counts, of
 * several the one with the least metric.
 */
export function linkTowards(address: string, read: ReadRoutes): string | undefined {
  const family = isIPv6(address) ? "ipv6" : "ipv4";
  const routes = family === "ipv6" ? routes6(read("ipv6_route")) : routes4(read("route"));
  const covers = ({ network, prefixLength }: Route): boolean => {
    const subnet = new BlockList();
    subnet.addSubnet(network, prefixLength, family);
    return subnet.check(address, family);
  };
  const [best] = routes
    .filter(covers)
    .sort((one, other) => other.prefixLength - one.prefixLength || one.metric - other.metric);
  return best?.link;
}

/** https://github.com/torvalds/linux/blob/v6.1/include/uapi/linux/route.h#L51 */
const RTF_UP = 0x0001;
const RTF_REJECT = 0x0200;

const leads = (flags: string | undefined): boolean => {
  const bits = Number.parseInt(flags ?? "", 16);
  return (bits & RTF_UP) !== 0 && (bits & RTF_REJECT) === 0;
};

/** "docker0 000011AC 00000000 0001 0 0 0 0000FFFF 0 0 0": link, destination, gateway, flags, …, metric, mask; a line of headings before. */
const routes4 = (text: string): readonly Route[] =>
  linesOf(text)
    .slice(1)
    .flatMap(([link = "", network = "", , flags, , , metric, mask = ""]) =>
      leads(flags) ? [{ link, network: address4(network), prefixLength: onesIn(mask), metric: Number(metric) }] : [],
    );

/** "fd000017…0000 40 00…00 00 00…00 00000100 00000001 00000000 00000001 docker0": destination, its prefix, source, its prefix, next hop, metric, …, flags, link. */
const routes6 = (text: string): readonly Route[] =>
  linesOf(text).flatMap(([network = "", prefix = "", , , , metric = "", , , flags, link = ""]) =>
    leads(flags)
      ? [
          {
            link,
            network: address6(network),
            prefixLength: Number.parseInt(prefix, 16),
            metric: Number.parseInt(metric, 16),
          },
        ]
      : [],
  );

const linesOf = (text: string): readonly (readonly string[])[] =>
  text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => line.trim().split(/\s+/));

/** "000011AC", in the byte order of the machine: 172.17.0.0. Every processor that this runs on is little-endian. */
const address4 = (hex: string): string =>
  (hex.match(/../g) ?? [])
    .reverse()
    .map((byte) => Number.parseInt(byte, 16))
    .join(".");
const address6 = (hex: string): string => (hex.match(/..../g) ?? []).join(":");
const onesIn = (hex: string): number => [...Number.parseInt(hex, 16).toString(2)].filter((bit) => bit === "1").length;
