import type { InterceptedAddress } from "./intercepted-address.ts";

/** "ip daddr 169.254.169.254" */
export const destination = ({ family, address }: InterceptedAddress): string => `${IP_WORD[family]} daddr ${address}`;
const IP_WORD = { ipv4: "ip", ipv6: "ip6" } as const;

/** "ip daddr { 169.254.169.254, … }" */
export const anyOf = (
  family: InterceptedAddress["family"],
  field: "daddr" | "saddr",
  addresses: readonly InterceptedAddress[],
): string => {
  const list = addresses.filter((one) => one.family === family).map(({ address }) => address);
  return `${IP_WORD[family]} ${field} { ${list.join(", ")} }`;
};
