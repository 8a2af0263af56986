import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Command } from "./programs.ts";
import type { World, WorldContainer, WorldNetwork } from "./world.ts";

/** The file of the network namespace that a process is in. */
export const namespaceOf = (pid: number): string => `/proc/${pid}/ns/net`;

/** The same command, in the network namespace that the file names. */
export const inNamespace = (file: string, command: Command): Command => ["nsenter", `--net=${file}`, "--", ...command];

/** What the load is told of a container: where it asks from, and its namespace. */
export const askerOf = ({ address, pid }: WorldContainer): string => `${address} ${namespaceOf(pid)}`;

const AT_ONCE = 4;

/**
 * Builds a host's side of the world as a Docker Engine would: a bridge for each network, and for each container a link
 * on it whose other end, with the container's address, is in the namespace of the container's process.
 */
export async function wire(namespace: string, { networks }: World): Promise<void> {
  const ends = networks.flatMap((network) => network.containers.map((container) => ({ network, container })));
  await ip(namespace, ["link set lo up", ...networks.flatMap(bridgeLines), ...ends.flatMap(linkLines)]);
  const work = async (): Promise<void> => {
    for (let next = ends.pop(); next; next = ends.pop()) await ip(namespaceOf(next.container.pid), insideLines(next));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

interface End {
  readonly network: WorldNetwork;
  readonly container: WorldContainer;
}

const gatewayOf = ({ subnet }: WorldNetwork): string => subnet.replace(".0.0/16", ".0.1");

const BRIDGE_MAC = "02:42:00:00:00:01";

/**
 * The neighbours are written down on both sides: the kernel keeps 1,024 that it has learned, for all namespaces together
 * (gc_thresh3, which an operator with so many containers raises, and which is not the bench's to change).
 */
const bridgeLines = (network: WorldNetwork): readonly string[] => [
  `link add ${network.name} address ${BRIDGE_MAC} type bridge`,
  `address add ${gatewayOf(network)}/16 dev ${network.name}`,
  `link set ${network.name} up`,
];

/** Named as Docker names them: by random digits, here those of the container's id. */
const linkLines = ({ network, container: { id, address, macAddress, pid } }: End): readonly string[] => [
  `link add veth${id.slice(0, 8)} type veth peer name eth0 address ${macAddress} netns ${pid}`,
  `link set veth${id.slice(0, 8)} master ${network.name} up`,
  `neighbour add ${address} lladdr ${macAddress} dev ${network.name} nud permanent`,
];

const insideLines = ({ network, container: { address } }: End): readonly string[] => [
  `address add ${address}/16 dev eth0`,
  "link set eth0 up",
  `route add default via ${gatewayOf(network)}`,
  `neighbour add ${gatewayOf(network)} lladdr ${BRIDGE_MAC} dev eth0 nud permanent`,
];

/** All lines in one run of `ip`. @throws when it refuses one */
async function ip(namespace: string, lines: readonly string[]): Promise<void> {
  const [file, ...args] = inNamespace(namespace, ["ip", "-batch", "-"]);
  const child = spawn(file, args, { stdio: ["pipe", "ignore", "inherit"] });
  child.stdin.end(`${lines.join("\n")}\n`);
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`ip ended with ${code}`);
}
