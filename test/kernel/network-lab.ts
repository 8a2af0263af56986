import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { runHostProgram } from "../../src/kernel/host-programs.ts";
import type { FollowLines } from "../../src/kernel/nft-monitor.ts";
import { followLines } from "../../src/kernel/nft-monitor.ts";
import type { ReadRoutes } from "../../src/kernel/routes.ts";
import type { CommandOutcome, RunCommand } from "../../src/kit/run-command.ts";
import type { Answer, Order } from "./lab-agent.ts";

export const HOST_V4 = "172.17.0.1";
export const HOST_V6 = "fd00:17::1";
export const CONTAINER_V4 = "172.17.0.2";
export const CONTAINER_V6 = "fd00:17::2";

/** Undefined when this machine can run the lab; otherwise why not. */
export async function whyNoLab(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "needs root: network namespaces are made with unshare -n";
  for (const argv of [
    ["unshare", "-n", "true"],
    ["nft", "--version"],
    ["ip", "-V"],
    ["nsenter", "--version"],
  ]) {
    const outcome = await runHostProgram(argv);
    if (outcome.kind !== "exited" || outcome.code !== 0) return `needs a working ${argv.join(" ")}`;
  }
  return undefined;
}

/** True when the test is to go on. With REQUIRE_ALL=1 a machine without the means fails instead. */
export function hasMeans(t: TestContext, missing: string | undefined): boolean {
  if (missing === undefined) return true;
  assert.notEqual(process.env["REQUIRE_ALL"], "1", missing);
  t.skip(missing);
  return false;
}

/** Where a process of the host runs besides in its network. */
interface Place {
  /** As a folder, e.g. "/sys/fs/cgroup/docker/9f3c". */
  readonly cgroup?: string;
  readonly user?: number;
}

/** A network namespace, and a program in it: one that it has to itself, or another's. */
export class Namespace {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  /** Orders are answered one by one, so that each gets its own answer. */
  #last: Promise<unknown>;

  constructor(enter: readonly string[] = ["unshare", "-n"]) {
    const agent = fileURLToPath(new URL("./lab-agent.ts", import.meta.url));
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: undefined };
    this.#child = spawn("env", [...enter, process.execPath, agent], { stdio: ["pipe", "pipe", "inherit"], env });
    this.#reader = createInterface({ input: this.#child.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
    this.#last = this.#lines.next();
  }

  static async open(): Promise<Namespace> {
    const namespace = new Namespace();
    await namespace.#last;
    // Without duplicate address detection, a link's own address serves from the first packet on.
    await namespace.must(`
      sysctl -qw net.ipv6.conf.default.accept_dad=0
      sysctl -qw net.ipv6.conf.all.accept_dad=0
      ip link set lo up`);
    return namespace;
  }

  /** A further process in this namespace. */
  async process({ cgroup, user }: Place): Promise<Namespace> {
    const join = cgroup === undefined ? [] : ["sh", "-c", `echo 0 > ${cgroup}/cgroup.procs && exec "$0" "$@"`];
    const become = user === undefined ? [] : ["setpriv", `--reuid=${user}`, "--clear-groups"];
    const made = new Namespace([...this.#enter(), ...join, ...become]);
    await made.#last;
    return made;
  }

  get pid(): number {
    return this.#child.pid ?? assert.fail("the namespace did not start");
  }

  /** Runs a program of the machine inside the namespace; for what is to be tested. */
  readonly run: RunCommand = (argv, options) => runHostProgram([...this.#enter(), ...argv], options);

  readonly follow: FollowLines = (argv, onLine, signal) => followLines([...this.#enter(), ...argv], onLine, signal);

  readonly readRoutes: ReadRoutes = (file) => readFileSync(`/proc/${this.pid}/net/${file}`, "latin1");

  /** Each line a command without quotes or blanks in its arguments; fails the test when one fails. */
  async must(commands: string): Promise<string> {
    let printed = "";
    for (const command of commands.split("\n").map((line) => line.trim())) {
      if (command !== "") printed += stdoutOf(command, await this.run(command.split(" ")));
    }
    return printed;
  }

  async load(ruleset: string): Promise<void> {
    stdoutOf(ruleset, await this.run(["nft", ruleset]));
  }

  tell(order: Order): Promise<Answer> {
    const answer = this.#last.then(async () => {
      this.#child.stdin.write(`${JSON.stringify(order)}\n`);
      const { value, done } = await this.#lines.next();
      assert.ok(!done, "the program in the namespace ended");
      return JSON.parse(value) as Answer;
    });
    this.#last = answer;
    return answer;
  }

  close(): void {
    this.#child.kill();
    this.#reader.close();
  }

  /** Closes it, and resolves when its program has ended. */
  async closed(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    const ended = exitCode === null && signalCode === null && once(this.#child, "exit");
    this.close();
    await ended;
  }

  #enter(): readonly string[] {
    return ["nsenter", "--target", String(this.pid), "--net"];
  }
}

function stdoutOf(command: string, outcome: CommandOutcome): string {
  assert.ok(outcome.kind === "exited" && outcome.code === 0, `${command}: ${JSON.stringify(outcome)}`);
  return outcome.stdout;
}

/** A host with one container behind a bridge, and EC2 beyond it with the real metadata service. */
export interface NetworkLab {
  readonly host: Namespace;
  readonly container: Namespace;
  readonly ec2: Namespace;
}

export async function openLab(t: TestContext): Promise<NetworkLab> {
  const [host, container, ec2] = await Promise.all([Namespace.open(), Namespace.open(), Namespace.open()]);
  t.after(() => [host, container, ec2].map((namespace) => namespace.close()));
  await host.must(`
    sysctl -qw net.ipv4.ip_forward=1
    sysctl -qw net.ipv6.conf.all.forwarding=1
    ip link add uplink type veth peer name eth0 netns ${ec2.pid}
    ip address add 198.18.0.1/30 dev uplink
    ip address add fd00:198::1/64 dev uplink nodad
    ip link set uplink up
    ip link add anyname0 type bridge
    ip address add ${HOST_V4}/16 dev anyname0
    ip address add ${HOST_V6}/64 dev anyname0 nodad
    ip link set anyname0 up
    ip link add veth1 type veth peer name eth0 netns ${container.pid}
    ip link set veth1 master anyname0 up`);
  await ec2.must(`
    ip address add 198.18.0.2/30 dev eth0
    ip address add fd00:198::2/64 dev eth0 nodad
    ip link set eth0 up
    ip address add 169.254.169.254/32 dev lo
    ip address add fd00:ec2::254/128 dev lo nodad
    ip route add default via 198.18.0.1
    ip -6 route add default via fd00:198::1`);
  await container.must(`
    ip address add ${CONTAINER_V4}/16 dev eth0
    ip address add ${CONTAINER_V6}/64 dev eth0 nodad
    ip link set eth0 up
    ip route add default via ${HOST_V4}
    ip -6 route add default via ${HOST_V6}`);
  await host.must(`
    ip route add 169.254.169.254 via 198.18.0.2
    ip -6 route add fd00:ec2::254 via fd00:198::2`);
  assert.deepEqual(await ec2.tell({ do: "serve", name: "REAL", port: 80 }), { said: "listening" });
  return { host, container, ec2 };
}

/** Asks at these addresses, one after the other, until the task is done. @returns how often each answer came, by its JSON */
export async function answersDuring(task: () => Promise<void>, from: Namespace, addresses: readonly string[]) {
  const answers = new Map<string, number>();
  let isOver = false;
  const asking = (async () => {
    while (!isOver) {
      for (const host of addresses) {
        const answer = JSON.stringify(await from.tell({ do: "ask", host, port: 80 }));
        answers.set(answer, (answers.get(answer) ?? 0) + 1);
      }
    }
  })();
  await task();
  isOver = true;
  await asking;
  return answers;
}

/** A thousand of one container's neighbours. */
export const thousandOwners = (macAddress: string) =>
  Array.from({ length: 1000 }, (_, i) => ({
    address: `172.17.${4 + (i >> 8)}.${i & 255}`,
    macAddress,
    name: "c",
    pid: 1,
  }));
