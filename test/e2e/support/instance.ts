import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LongRunning, run } from "./programs.ts";
import { cacheFolder, engineName } from "./settings.ts";

/** The addresses of the pretended EC2, outside every range that Docker hands out. */
export const ADDRESSES = {
  metadata4: "169.254.169.254",
  metadata6: "fd00:ec2::254",
  sts: "198.51.100.10",
  /** What the instance's own programs speak to the metadata service from; containers come from another, also when masqueraded. */
  instance4: "198.18.0.5",
  instance6: "fd00:198::5",
} as const;

/** Another port than the metadata service's, so that one can fail without the other. */
export const STS_PORT = 8080;
export const STS_URL = `http://${ADDRESSES.sts}:${STS_PORT}`;

/**
 * An EC2 instance made of namespaces: network, mounts and processes of its own, so
 * that neither the machine's rules nor its engines are touched, and nothing outlives it.
 */
export interface Instance {
  /** Removed at the end; the same path inside and outside. */
  readonly folder: string;
  /** The command that runs `command` on the instance. */
  onInstance(...command: readonly string[]): readonly string[];
  /** The command that runs `command` at the other end of its wire, where EC2's services are. */
  atEc2(...command: readonly string[]): readonly string[];
  /** Packets that reached the metadata service from anything but the instance's own programs. */
  strangersAtMetadata(): Promise<number>;
  remove(): Promise<void>;
}

const UNSHARE = "unshare --net --mount --pid --fork --kill-child=KILL --mount-proc --propagation private".split(" ");

/** An own /run hides every socket, lock and pid file of the machine's own engines; an own /sys shows the instance's links. */
const INIT = `mount -t tmpfs tmpfs /run && mkdir /run/lock /run/cgroup
mount --move /sys/fs/cgroup /run/cgroup && mount -t sysfs sysfs /sys && mount --move /run/cgroup /sys/fs/cgroup && echo ready
trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done`;

/** Waits for another run to end: two would share one engine's images. */
async function ownTurn(): Promise<LongRunning> {
  const lock = `${cacheFolder}/${engineName}.lock`;
  const holder = new LongRunning(["flock", "--no-fork", lock, "sh", "-c", "echo ready; exec sleep infinity"]);
  await holder.waitForLine((line) => line === "ready", TURN_TIMEOUT_MS);
  return holder;
}

const TURN_TIMEOUT_MS = 15 * 60_000;

export async function createInstance(): Promise<Instance> {
  const turn = await ownTurn();
  const folder = await mkdtemp(join(tmpdir(), "taskrole-e2e-"));
  const init = new LongRunning([...UNSHARE, "bash", "-c", INIT]);
  const ec2 = new LongRunning(["unshare", "--net", "sh", "-c", "echo ready; exec sleep infinity"]);
  const entry = () => ["nsenter", "-t", `${init.innermostPid}`, "--net", "--mount", "--pid", "--"];
  const onInstance = (...command: readonly string[]) => [...entry(), ...command];
  const atEc2 = (...command: readonly string[]) => ["nsenter", "-t", `${ec2.pid}`, "--net", "--", ...command];
  const remove = async () => {
    await Promise.all([init, ec2].map((holder) => holder.stop("SIGKILL")));
    await turn.stop("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all([init, ec2].map((holder) => holder.waitForLine((line) => line === "ready")));
    await run(
      atEc2("ip", "link", "add", "ec20", "type", "veth", "peer", "name", "up0", "netns", `${init.innermostPid}`),
    );
    await run(onInstance("sh", "-ec", wireOfInstance));
    await run(atEc2("sh", "-ec", placeOfEc2));
    await run(atEc2("sh", "-ec", linkOfEc2));
    await run(atEc2("nft", "-f", "-"), { input: watch });
  } catch (error) {
    await remove();
    throw error;
  }
  return { folder, onInstance, atEc2, strangersAtMetadata: () => strangersAt(atEc2), remove };
}

export const strangersAt = async (atEc2: Instance["atEc2"]): Promise<number> =>
  packetsIn(await run(atEc2("nft", "-j", "list", "counter", "inet", "watch", "strangers")));

/** On the instance's end of the wire, up0. */
export const wireOfInstance = `
ip link set lo up
ip addr add 198.18.0.1/24 dev up0
ip addr add ${ADDRESSES.instance4}/24 dev up0
ip addr add fd00:198::1/64 dev up0 nodad
ip addr add ${ADDRESSES.instance6}/64 dev up0 nodad preferred_lft 0
ip link set up0 up
ip route add default via 198.18.0.2
ip route add ${ADDRESSES.metadata4} via 198.18.0.2 src ${ADDRESSES.instance4}
ip -6 route add default via fd00:198::2
ip -6 route add ${ADDRESSES.metadata6} via fd00:198::2 src ${ADDRESSES.instance6}
sysctl -qw net.ipv6.conf.all.forwarding=1
`;

/** Where EC2's services are, whether there is a wire or not. */
export const placeOfEc2 = `
ip link set lo up
ip addr add ${ADDRESSES.metadata4}/32 dev lo
ip addr add ${ADDRESSES.sts}/32 dev lo
ip -6 addr add ${ADDRESSES.metadata6}/128 dev lo nodad
`;

/** Their end of the wire, ec20. */
export const linkOfEc2 = `
ip addr add 198.18.0.2/24 dev ec20
ip addr add fd00:198::2/64 dev ec20 nodad
ip link set ec20 up
ip route add default via 198.18.0.1
ip -6 route add default via fd00:198::1
`;

export const watch = `table inet watch {
  counter strangers { }
  chain input {
    type filter hook input priority -300; policy accept;
    ip daddr ${ADDRESSES.metadata4} ip saddr != { ${ADDRESSES.instance4}, ${ADDRESSES.metadata4} } counter name strangers
    ip6 daddr ${ADDRESSES.metadata6} ip6 saddr != { ${ADDRESSES.instance6}, ${ADDRESSES.metadata6} } counter name strangers
  }
}`;

function packetsIn(json: string): number {
  const { nftables } = JSON.parse(json) as { nftables: { counter?: { packets: number } }[] };
  const counter = nftables.find((entry) => entry.counter !== undefined)?.counter;
  if (!counter) throw new Error(`no counter in ${json}`);
  return counter.packets;
}
