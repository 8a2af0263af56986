import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { CGROUP_PARENT } from "../../e2e/support/engine.ts";
import type { Instance } from "../../e2e/support/instance.ts";
import { eventually, run } from "../../e2e/support/programs.ts";

/** A process that passes for a container, made and not started. */
export interface Prepared {
  readonly id: string;
  /** On the instance. */
  readonly pid: number;
  readonly mac: string;
  /** The host's end of its link. */
  readonly veth: string;
}

/** What a container was answered at its first request, or how that failed. */
export interface FirstAnswer {
  readonly tookMs: number;
  /** A status, or the name of an error. */
  readonly outcome: string;
  readonly body: string;
}

/** The bridge that all of them are on, and the one address that they take turns at. */
export const SEAT = { bridge: "seat0", subnet: "10.9.9.0/29", gateway: "10.9.9.1", address: "10.9.9.2" } as const;

const MADE_AT_ONCE = 50;
const FEW = 50;

/** Containers without an engine: see pool.c. They are made many at a time, as an engine cannot start them fast enough. */
export class Pool {
  readonly #instance: Instance;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #ready: Prepared[] = [];
  readonly #waiting = new Map<string, (words: readonly string[]) => void>();
  readonly #cgroups = cgroupRoot();
  #links = 0;
  #filling: Promise<void> | undefined;

  private constructor(instance: Instance, program: string) {
    this.#instance = instance;
    const [file = "", ...args] = instance.onInstance(program);
    this.#child = spawn("setpriv", ["--pdeathsig", "KILL", file, ...args], { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#hear(line));
  }

  static async start(instance: Instance): Promise<Pool> {
    const program = join(instance.folder, "pool");
    await run(["gcc", "-O2", "-static", "-o", program, join(import.meta.dirname, "pool.c")]);
    await run(
      instance.onInstance(
        "sh",
        "-ec",
        `ip link add ${SEAT.bridge} address 02:42:00:00:00:01 type bridge
        ip address add ${SEAT.gateway}/29 dev ${SEAT.bridge}
        ip link set ${SEAT.bridge} up
        sysctl -qw net.ipv4.ip_forward=1`,
      ),
    );
    const pool = new Pool(instance, program);
    await pool.#fill();
    return pool;
  }

  /** The next one; more are made behind it. */
  async take(): Promise<Prepared> {
    if (this.#ready.length <= FEW) this.#filling ??= this.#fill().finally(() => (this.#filling = undefined));
    if (this.#ready.length === 0) await this.#filling;
    return this.#ready.shift() ?? assert.fail("the pool is empty");
  }

  /** It takes the seat and asks. */
  begin({ pid }: Prepared): Promise<FirstAnswer> {
    const said = this.#waitFor(`said ${pid}`);
    this.#tell(`start ${pid} ${SEAT.address} ${SEAT.gateway}`);
    return said.then(([tookMs = "", outcome = "", ...body]) => ({
      tookMs: Number(tookMs),
      outcome,
      body: body.join(" "),
    }));
  }

  end({ pid, id }: Prepared): void {
    this.#tell(`kill ${pid}`);
    setTimeout(() => this.#removeCgroup(id), 1_000).unref();
  }

  /** Its link joins the bridge. */
  plugIn({ veth }: Prepared): Promise<unknown> {
    const plugged = this.#waitFor(`plugged ${veth}`);
    this.#tell(`plug ${veth} ${SEAT.bridge}`);
    return plugged;
  }

  unplug({ veth }: Prepared): Promise<unknown> {
    const unplugged = this.#waitFor(`unplugged ${veth}`);
    this.#tell(`unplug ${veth}`);
    return unplugged;
  }

  startProgram = (): Promise<unknown> => run(this.#instance.onInstance("true"));

  stop(): void {
    this.#child.kill("SIGKILL");
  }

  async #fill(): Promise<void> {
    const made = await Promise.all(Array.from({ length: MADE_AT_ONCE }, () => this.#make()));
    const links = made.map(
      ({ pid, mac, veth }) =>
        `link add ${veth} type veth peer name eth0 address ${mac} netns ${pid}\nlink set ${veth} up\n`,
    );
    await run(this.#instance.onInstance("ip", "-batch", "-"), { input: links.join("") });
    for (const { pid } of made) this.#tell(`up ${pid}`);
    await eventually(() => this.#assertUp(made));
    this.#ready.push(...made);
  }

  /** The kernel notices once a second at most that a link has its carrier: net/core/link_watch.c */
  async #assertUp(made: readonly Prepared[]): Promise<void> {
    const text = await run(this.#instance.onInstance("ip", "-j", "link", "show", "type", "veth"));
    const links = JSON.parse(text) as readonly { ifname: string; operstate: string }[];
    const up = new Set(links.filter(({ operstate }) => operstate === "UP").map(({ ifname }) => ifname));
    assert.ok(made.every(({ veth }) => up.has(veth)));
  }

  async #make(): Promise<Prepared> {
    const id = randomHex(32);
    this.#links += 1;
    const veth = `veth${this.#links.toString(16).padStart(7, "0")}`;
    const cgroup = join(this.#cgroups, id);
    mkdirSync(cgroup, { recursive: true });
    const made = this.#waitFor(`made ${id}`);
    this.#tell(`make ${id} ${join(cgroup, "cgroup.procs")}`);
    const [pid] = await made;
    return { id, pid: Number(pid), mac: `02:${randomHex(5).match(/../g)?.join(":")}`, veth };
  }

  #removeCgroup(id: string): void {
    try {
      rmdirSync(join(this.#cgroups, id));
    } catch {
      // Its process is not quite gone: removeCgroups takes it at the end.
    }
  }

  #tell(order: string): void {
    this.#child.stdin.write(`${order}\n`);
  }

  #waitFor(what: string): Promise<readonly string[]> {
    return new Promise((resolve) => this.#waiting.set(what, resolve));
  }

  #hear(line: string): void {
    const [kind, whose, ...words] = line.split(" ");
    const key = `${kind} ${whose}`;
    this.#waiting.get(key)?.(words);
    this.#waiting.delete(key);
  }
}

const randomHex = (bytes: number): string => randomBytes(bytes).toString("hex");

/** Below the parent of the suites, in the version 2 hierarchy or else in one of version 1. */
function cgroupRoot(): string {
  const root = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids"].find((hierarchy) =>
    existsSync(join(hierarchy, "cgroup.procs")),
  );
  return join(root ?? assert.fail("no control groups"), CGROUP_PARENT);
}
