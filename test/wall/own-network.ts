import { runHostProgram } from "../../src/kernel/host-programs.ts";
import { seedAndCases } from "./seed.ts";
import { IPV6_ADDRESSES, Wall } from "./wall.ts";

/**
 * A program for a network namespace of its own (`unshare -n`), whose loopback it gives the metadata service's two
 * addresses and those of the workloads: there the wall is tried over IPv4 and IPv6, at the port that clients use.
 * Prints {@link OwnNetworkReport} as JSON.
 */
export interface OwnNetworkReport {
  readonly kinds: Readonly<Record<string, number>>;
  readonly strangersUpstream: readonly string[];
}

const METADATA_ADDRESSES = ["169.254.169.254", "fd00:ec2::254"];

const ip = async (...words: readonly string[]): Promise<void> => {
  const outcome = await runHostProgram(["ip", ...words]);
  if (outcome.kind !== "exited" || outcome.code !== 0)
    throw new Error(`ip ${words.join(" ")}: ${JSON.stringify(outcome)}`);
};

await ip("link", "set", "lo", "up");
for (const address of [...METADATA_ADDRESSES, ...IPV6_ADDRESSES]) {
  await ip("address", "add", address, "dev", "lo", ...(address.includes(":") ? ["nodad"] : []));
}
await using wall = await Wall.open({ metadataTokens: "optional", listen: "[::]:80", destinations: METADATA_ADDRESSES });
const { kinds } = await wall.run(seedAndCases());
wall.assertLogHoldsNoSecret();
const report: OwnNetworkReport = { kinds, strangersUpstream: wall.strangersUpstream() };
console.log(JSON.stringify(report));
