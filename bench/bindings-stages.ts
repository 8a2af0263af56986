import { setTimeout as delay } from "node:timers/promises";
import { runHostProgram } from "../src/kernel/host-programs.ts";
import { Interception } from "../src/kernel/interception.ts";
import { KernelBindings } from "../src/kernel/kernel-bindings.ts";
import { startDaemon } from "./bindings-host.ts";
import { type BenchHost, type BindingsSetting, onHost } from "./bindings-setting.ts";
import { askerOf } from "./lab-host.ts";
import { familyCpuSeconds, memory } from "./process-figures.ts";
import { oneRound, type Round, type Run, takeTurns } from "./rounds.ts";
import type { Server } from "./servers.ts";
import { containersOf, type WorldContainer } from "./world.ts";

export interface BindingsPlan {
  readonly turns: number;
  readonly warmUpSeconds: number;
  readonly roundSeconds: number;
  readonly loads: number;
  readonly bindings: number;
  readonly restSeconds: number;
  readonly memoryRuns: number;
  readonly settleSeconds: number;
}

export const BOUND = 1_000;
const ASKING = 100;
const AT_ONCE = 64;
const COLD_SECONDS = 300;
const PORT = 9254;

/** Milliseconds of loading all tables with so many bindings in force: nft alone, and with the routing rules before it. */
export interface TransactionTimes {
  readonly bindings: number;
  readonly nftMs: readonly number[];
  readonly upMs: readonly number[];
}

/** As the daemon does it, when it starts and when the table was changed; in this program's own network namespace. */
export async function measureTransaction(bindings: number, loads: number): Promise<TransactionTimes> {
  const nftMs: number[] = [];
  const run: typeof runHostProgram = async (argv, options) => {
    const started = performance.now();
    const outcome = await runHostProgram(argv, options);
    if (argv[0] === "nft") nftMs.push(performance.now() - started);
    return outcome;
  };
  const finder = { find: () => Promise.resolve("veth0") };
  const held = new KernelBindings({ run: runHostProgram, now: () => Date.now(), finder });
  const interception = new Interception({ port: PORT, bindings: held, run });
  await interception.up();
  await Promise.all(Array.from({ length: bindings }, (_, i) => held.enforce(ownerAt(i))));
  nftMs.length = 0;
  const upMs: number[] = [];
  for (let i = 0; i < loads; i += 1) {
    const started = performance.now();
    await interception.up();
    upMs.push(performance.now() - started);
  }
  await interception.down();
  return { bindings, nftMs, upMs };
}

const ownerAt = (i: number) => ({
  address: `10.${100 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`,
  macAddress: "02:42:0a:64:00:01",
  name: `app-${i} (0123456789ab)`,
  pid: 1,
});

/** What one new binding costs, with so many containers on its bridge. */
export interface BindingCost {
  readonly containers: number;
  readonly aloneMs: readonly number[];
  /** Of each of eight that were asked for at the same moment. */
  readonly eightMs: readonly number[];
  /** Of this program and all that it starts, for one binding. */
  readonly aloneCpuMs: number;
  readonly eightCpuMs: number;
}

const TOGETHER = 8;

/** The real thing: found by its process, tied in the kernel; this program's own namespace is the host. */
export async function measureBindingCost(host: BenchHost, containers: number, count: number): Promise<BindingCost> {
  const held = new KernelBindings({ run: runHostProgram, now: () => Date.now() });
  const interception = new Interception({ port: PORT, bindings: held });
  await interception.up();
  const all = containersOf(host.world).slice(0, containers);
  const bindAll = async (some: readonly WorldContainer[]): Promise<readonly number[]> => {
    const started = performance.now();
    const took = some.map(async (container) => {
      const { release } = await held.enforce(container);
      return { ms: performance.now() - started, release };
    });
    const done = await Promise.all(took);
    for (const { release } of done) release();
    await held.alone(() => Promise.resolve());
    return done.map(({ ms }) => ms);
  };
  const measured = async (size: number): Promise<{ ms: readonly number[]; cpuMs: number }> => {
    const before = familyCpuSeconds(process.pid);
    const ms: number[] = [];
    for (let from = 0; from < count; from += size) ms.push(...(await bindAll(all.slice(from, from + size))));
    return { ms, cpuMs: ((familyCpuSeconds(process.pid) - before) * 1000) / ms.length };
  };
  await measured(TOGETHER); // what compiles itself as it runs
  const alone = await measured(1);
  const eight = await measured(TOGETHER);
  await interception.down();
  return { containers, aloneMs: alone.ms, eightMs: eight.ms, aloneCpuMs: alone.cpuMs, eightCpuMs: eight.cpuMs };
}

export interface Contest {
  readonly on: readonly Round[];
  readonly off: readonly Round[];
  /** Share of one processor at rest, the programs it starts included. */
  readonly restOn: number;
  readonly restOff: number;
}

/** Two hosts with as many containers: on one they are bound, on the other the same packet rules bring them to the daemon. */
export async function measureContest(
  setting: BindingsSetting,
  hosts: { readonly on: BenchHost; readonly off: BenchHost },
  plan: BindingsPlan,
): Promise<Contest> {
  await using stack = new AsyncDisposableStack();
  await onHost(hosts.off, setting.taskrole, "interception", "up", "--port", String(PORT));
  const on = await daemonOn(hosts.on, "nftables", { setting, stack });
  const off = await daemonOn(hosts.off, "none", { setting, stack });
  for (const { server, host } of [
    { server: on, host: hosts.on },
    { server: off, host: hosts.off },
  ])
    await firstSequences(server, setting, containersOf(host.world));
  await requireBound(hosts.on, BOUND);
  await requireBound(hosts.off, 0);
  const runOf = (server: Server): Run => ({
    addresses: containersOf((server === on ? hosts.on : hosts.off).world)
      .slice(0, ASKING)
      .map(askerOf),
    atOnce: AT_ONCE,
    seconds: plan.roundSeconds,
    connections: "one",
    mode: "warm",
  });
  const rounds = await takeTurns([on, off], { ...plan, load: setting.load, run: runOf });
  await delay(plan.settleSeconds * 1000);
  const [restOn, restOff] = await atRest([on, off], plan.restSeconds);
  await requireBound(hosts.on, BOUND);
  return { on: rounds.get(on) ?? [], off: rounds.get(off) ?? [], restOn, restOff };
}

interface DaemonPlace {
  readonly setting: BindingsSetting;
  readonly stack: AsyncDisposableStack;
}

async function daemonOn(
  host: BenchHost,
  interception: "nftables" | "none",
  { setting: { taskrole }, stack }: DaemonPlace,
): Promise<Server> {
  const directory = host.newDirectory();
  const server = await startDaemon({ ...host, name: `taskrole (${interception})`, taskrole, directory, interception });
  stack.defer(server.stop);
  return server;
}

/** The first sequence of each: identified, bound where that is done, its session issued. */
async function firstSequences(
  server: Server,
  { load }: BindingsSetting,
  containers: readonly WorldContainer[],
): Promise<void> {
  const addresses = containers.map(askerOf);
  const run: Run = { addresses, atOnce: AT_ONCE, seconds: COLD_SECONDS, connections: "one", mode: "cold" };
  const { keys } = await oneRound(server, load, run);
  if (keys !== containers.length) throw new Error(`${containers.length} containers were given ${keys} different keys`);
}

/** What the kernel holds, not what the daemon says. */
async function requireBound(host: BenchHost, count: number): Promise<void> {
  const listed = await onHost(host, "nft", "list", "ruleset", "bridge");
  const found = listed.match(/\bcomment "app-\d+ /g)?.length ?? 0;
  if (found !== count) throw new Error(`${found} addresses are bound in the kernel instead of ${count}`);
}

/** @returns the share of one processor that each used */
async function atRest([one, other]: readonly [Server, Server], seconds: number): Promise<readonly [number, number]> {
  const before = [familyCpuSeconds(one.pid), familyCpuSeconds(other.pid)] as const;
  await delay(seconds * 1000);
  return [(familyCpuSeconds(one.pid) - before[0]) / seconds, (familyCpuSeconds(other.pid) - before[1]) / seconds];
}

/** The daemon's own bytes (RssAnon), idle again after so many containers were bound and asked a while. */
export interface MemoryFigure {
  readonly containers: number;
  readonly ownBytes: number;
}

/** A daemon for each figure: what one has grown to it keeps. */
export async function measureMemory(
  setting: BindingsSetting,
  host: BenchHost,
  { count, plan }: { readonly count: number; readonly plan: BindingsPlan },
): Promise<MemoryFigure> {
  await using stack = new AsyncDisposableStack();
  const containers = containersOf(host.world).slice(0, count);
  const daemon = await daemonOn(host, "nftables", { setting, stack });
  await firstSequences(daemon, setting, containers);
  await requireBound(host, count);
  const addresses = containers.map(askerOf);
  const run: Run = { addresses, atOnce: AT_ONCE, seconds: plan.warmUpSeconds, connections: "one", mode: "warm" };
  await oneRound(daemon, setting.load, run);
  await delay(plan.settleSeconds * 1000);
  return { containers: count, ownBytes: memory(daemon.pid).ownBytes };
}
