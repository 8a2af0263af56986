import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type FakeContainer, FakeEngine } from "../../docker/fake-engine.ts";
import { LongRunning, run } from "../../e2e/support/programs.ts";
import { addressesOf, EC2, type LaneAddresses, STS_URL } from "./addresses.ts";
import { Namespace } from "./namespace.ts";
import { runQueueDelayMs } from "./run-queue.ts";
import { Wiretap } from "./wiretap.ts";

/** Whether the daemon asks for IMDSv2's token. */
export type Tokens = "required" | "optional";

/** What a lane's host is made of. */
interface Parts {
  readonly number: number;
  readonly host: Namespace;
  readonly container: Namespace;
  readonly engine: FakeEngine;
  readonly network: string;
  readonly wiretap: Wiretap;
  readonly folder: string;
  readonly program: string;
}

/**
 * A host of its own with the real daemon and its real interception, and one container's worth of network on it.
 * The container is one after another: each case is another container, with another role, at the same address.
 */
export class Lane {
  readonly #parts: Parts;
  readonly addresses: LaneAddresses;
  #daemon: LongRunning | undefined;
  #tokens: Tokens | undefined;
  #current: FakeContainer | undefined;
  readonly #lives: LongRunning[] = [];

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.addresses = addressesOf(parts.number);
  }

  static async open(number: number, program: string): Promise<Lane> {
    const folder = await mkdtemp(join(tmpdir(), "taskrole-clients-"));
    const [host, container] = await Promise.all([Namespace.open(), Namespace.open()]);
    const at = addressesOf(number);
    await run(["sh", "-ec", wireOfEc2(number, at, host.pid)]);
    await host.must(wireOfHost(at, container.pid));
    await container.must(wireOfContainer(at));
    const wiretap = await Wiretap.open(host.enter("tcpdump", ...TCPDUMP), [at.container4, at.container6]);
    const engine = await new FakeEngine().listen();
    const network = engine.addNetwork({ name: "apps", subnets: [at.subnet4, at.subnet6] });
    return new Lane({ number, host, container, engine, network, wiretap, folder, program });
  }

  get number(): number {
    return this.#parts.number;
  }

  get wiretap(): Wiretap {
    return this.#parts.wiretap;
  }

  /** Of the daemon, in all its lives. */
  get log(): readonly string[] {
    return this.#lives.flatMap(({ lines }) => lines);
  }

  /** What the daemon and this process, which is Docker and AWS for it, have waited for a processor. */
  get machineDelayMs(): number {
    const daemon = this.#daemon?.isRunning ? runQueueDelayMs(this.#daemon.pid) : 0;
    return daemon + runQueueDelayMs(process.pid);
  }

  isContainer = (address: string): boolean =>
    address === this.addresses.container4 || address === this.addresses.container6;

  inContainer = (...command: readonly string[]): readonly string[] => this.#parts.container.enter(...command);

  /** The daemon runs, and asks for tokens as told. */
  async serve(tokens: Tokens): Promise<void> {
    if (this.#daemon?.isRunning && this.#tokens === tokens) return;
    await this.#end("SIGTERM");
    await this.#start(tokens);
  }

  /** Another life of the same daemon, after a death without warning. */
  async restart(): Promise<void> {
    await this.#end("SIGKILL");
    await this.#start(this.#tokens ?? "required");
  }

  /** Another container at the lane's address; the one before has been removed. */
  run(name: string, role: string): void {
    const { engine, network, container } = this.#parts;
    const { container4, container6 } = this.addresses;
    const labels = { "taskrole.role": role };
    this.#current = engine.run({
      network,
      name,
      ip: `${container4}/24`,
      ip6: `${container6}/64`,
      mac: MAC,
      pid: container.pid,
      labels,
    });
    engine.sendNetwork("connect", network, this.#current.Id);
    engine.sendContainer("start", this.#current.Id);
  }

  /** Its connections are cut, as they are when a container ends; the next case's process may be the same. */
  async remove(): Promise<void> {
    const { engine, network, wiretap } = this.#parts;
    if (!this.#current) return;
    engine.sendContainer("die", this.#current.Id);
    engine.sendNetwork("disconnect", network, this.#current.Id);
    engine.remove(this.#current.Id);
    this.#current = undefined;
    await wiretap.allConnectionsEnded();
    await sleep(ADDRESS_RESTS_MS);
  }

  async close(): Promise<void> {
    const { host, container, engine, wiretap, folder } = this.#parts;
    await this.#end("SIGTERM");
    await wiretap.close();
    await engine.destroy();
    await Promise.all([host.close(), container.close()]);
    await rm(folder, { recursive: true, force: true });
  }

  /** To the daemon alone: the programs that it runs end with it. */
  async #end(signal: NodeJS.Signals): Promise<void> {
    if (!this.#daemon?.isRunning) return;
    process.kill(this.#daemon.pid, signal);
    await this.#daemon.exited;
  }

  async #start(tokens: Tokens): Promise<void> {
    const { host, engine, folder, program } = this.#parts;
    const runtime = join(folder, "run");
    await mkdir(runtime, { recursive: true });
    const flags = {
      "docker-endpoint": engine.endpoint,
      "sts-endpoint": STS_URL,
      "metadata-tokens": tokens,
      "runtime-directory": runtime,
      "log-level": "debug",
    };
    const pairs = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
    const daemon = new LongRunning(host.enter(program, "serve", ...pairs));
    this.#lives.push(daemon);
    this.#daemon = daemon;
    this.#tokens = tokens;
    await daemon.waitForLine((line) => line.includes('"msg":"listening"'));
  }
}

/** Docker needs longer than this to give the address of a container that ended to another. */
const ADDRESS_RESTS_MS = 150;

/**
 * Each packet at once, to standard output. As long as a request may be, and no longer: the kernel keeps a place of the
 * full length for each packet, and a client's 30 connections are reset in one burst.
 */
const TCPDUMP = [
  ...["-i", "c0", "--immediate-mode", "-n", "-U", "--snapshot-length", "9000", "--buffer-size", "32768"],
  ...["-w", "-", "tcp port 80"],
];

const wireOfEc2 = (lane: number, at: LaneAddresses, hostPid: number): string => `
ip link add lane${lane} type veth peer name up0 netns ${hostPid}
ip addr add ${at.ec2End4}/24 dev lane${lane}
ip addr add ${at.ec2End6}/64 dev lane${lane} nodad
ip link set lane${lane} up
ip route add ${at.subnet4} via ${at.host4}
ip -6 route add ${at.subnet6} via ${at.host6}
`;

/** Nothing is masqueraded: who reaches EC2's services is seen there by the address it has. */
const wireOfHost = (at: LaneAddresses, containerPid: number): string => `
sysctl -qw net.ipv4.ip_forward=1
sysctl -qw net.ipv6.conf.all.forwarding=1
ip link set lo up
ip addr add ${at.host4}/24 dev up0
ip addr add ${at.host6}/64 dev up0 nodad
ip link set up0 up
ip route add default via ${at.ec2End4}
ip -6 route add ${EC2.metadata6} via ${at.ec2End6}
ip link add br0 type bridge
ip addr add ${at.gateway4}/24 dev br0
ip addr add ${at.gateway6}/64 dev br0 nodad
ip link set br0 up
ip link add c0 type veth peer name eth0 netns ${containerPid}
ip link set c0 master br0 up
`;

/** What the Engine says of each of the lane's containers, and what their end of the link has. */
const MAC = "02:42:0a:00:00:02";

const wireOfContainer = (at: LaneAddresses): string => `
ip link set lo up
ip link set eth0 address ${MAC}
ip addr add ${at.container4}/24 dev eth0
ip addr add ${at.container6}/64 dev eth0 nodad
ip link set eth0 up
ip route add default via ${at.gateway4}
ip -6 route add default via ${at.gateway6}
`;
