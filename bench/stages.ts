import { setTimeout as delay } from "node:timers/promises";
import { captureAnswers } from "./capture.ts";
import type { HoldsPlan } from "./holds.ts";
import { type Memory, memory } from "./process-figures.ts";
import { oneRound, type Round, type Run, takeTurns } from "./rounds.ts";
import { type Server, type ServerStart, startServer } from "./servers.ts";
import { constantStarts, type Setting, taskroleFor } from "./setting.ts";

/** How long everything takes. */
export interface Plan {
  readonly turns: number;
  readonly warmUpSeconds: number;
  readonly roundSeconds: number;
  readonly starts: number;
  /** Daemons that a herd asks. */
  readonly herds: number;
  readonly holds: HoldsPlan;
}

/** By server name, so that what has been stopped can still be told of. */
export type Figures<T> = ReadonlyMap<string, T>;

export const CONTAINERS = 100;
export const AT_ONCE = 64;
/** Of the comparison of many containers; the first is the base. */
export const WORLD_SIZES = [10, 1_000, 5_000] as const;
export const MOST_CONTAINERS = Math.max(...WORLD_SIZES);

const IDLE_MS = 2_000;
/** For STS to issue the most sessions, one after another, on a busy machine. */
const COLD_SECONDS = 120;

export interface Warm {
  readonly oneConnection: Figures<readonly Round[]>;
  readonly threeConnections: Figures<readonly Round[]>;
  /** One sequence at a time, on one connection. */
  readonly alone: Figures<readonly Round[]>;
  readonly idle: Figures<Memory>;
  readonly loaded: Figures<Memory>;
}

/** taskrole beside the servers of constants, over {@link CONTAINERS} containers. */
export async function measureWarm(setting: Setting, plan: Plan): Promise<Warm> {
  await using stack = new AsyncDisposableStack();
  const { load } = setting;
  const { start, addresses } = await taskroleFor(setting, CONTAINERS);
  const taskrole = await startedIn(stack, start);
  const idle = [await idleMemory(taskrole)];
  const run: Run = { addresses, atOnce: AT_ONCE, seconds: plan.roundSeconds, connections: "one", mode: "warm" };
  await firstSequences(taskrole, setting, addresses);
  const answers = setting.newDirectory("answers");
  await captureAnswers(taskrole.port, start.from, answers);
  const servers = [taskrole];
  for (const constants of constantStarts(setting, answers, start.from)) {
    const server = await startedIn(stack, constants);
    idle.push(await idleMemory(server));
    servers.push(server);
  }
  const contest = async (over: Partial<Run>): Promise<Figures<Round[]>> =>
    byName(await takeTurns(servers, { ...plan, load, run: { ...run, ...over } }));
  return {
    oneConnection: await contest({}),
    threeConnections: await contest({ connections: "three" }),
    alone: await contest({ atOnce: 1 }),
    idle: new Map(idle),
    loaded: new Map(servers.map(({ name, pid }) => [name, memory(pid)])),
  };
}

export async function startedIn(stack: AsyncDisposableStack, start: ServerStart): Promise<Server> {
  const server = await startServer(start);
  stack.defer(server.stop);
  return server;
}

export async function idleMemory({ name, pid }: Server): Promise<[string, Memory]> {
  await delay(IDLE_MS);
  return [name, memory(pid)];
}

const byName = <T>(figures: ReadonlyMap<Server, T>): Figures<T> =>
  new Map([...figures].map(([{ name }, figure]) => [name, figure]));

/** The first sequence of each container: identified, bound, its session issued. No two may share a key. */
export async function firstSequences(server: Server, { load }: Setting, addresses: readonly string[]): Promise<Round> {
  const run: Run = { addresses, atOnce: AT_ONCE, seconds: COLD_SECONDS, connections: "one", mode: "cold" };
  const round = await oneRound(server, load, run);
  if (round.keys === addresses.length) return round;
  throw new Error(`${addresses.length} containers were given ${round.keys} different keys: some share theirs`);
}

/** Milliseconds from the start of the process to its first good answer, by turns. */
export async function measureStarts(setting: Setting, plan: Plan): Promise<Figures<readonly number[]>> {
  const { start } = await taskroleFor(setting, 1);
  const answers = setting.newDirectory("start-answers");
  await captureOnce(start, answers);
  return timesByTurns([start, ...constantStarts(setting, answers, start.from)], plan.starts, startTime);
}

/** To the first good answer. */
export async function startTime(start: ServerStart): Promise<number> {
  const server = await startServer(start);
  await server.stop();
  return server.startMs;
}

export async function timesByTurns(
  starts: readonly ServerStart[],
  turns: number,
  timeOf: (start: ServerStart) => Promise<number>,
): Promise<Figures<readonly number[]>> {
  const times = new Map(starts.map(({ name }) => [name, [] as number[]]));
  for (let turn = 0; turn < turns; turn += 1) {
    for (const start of starts) times.get(start.name)?.push(await timeOf(start));
  }
  return times;
}

async function captureOnce(start: ServerStart, answers: string): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { port } = await startedIn(stack, start);
  await delay(IDLE_MS);
  await captureAnswers(port, start.from, answers);
}

export interface ManyContainers {
  readonly size: number;
  readonly warm: readonly Round[];
  readonly cold: Round;
  readonly loaded: Memory;
}

/** The same load spread over few and over many containers, by turns. */
export async function measureManyContainers(setting: Setting, plan: Plan): Promise<readonly ManyContainers[]> {
  await using stack = new AsyncDisposableStack();
  const crews: { size: number; server: Server; addresses: readonly string[]; cold: Round }[] = [];
  for (const size of WORLD_SIZES) {
    const { start, addresses } = await taskroleFor(setting, size);
    const server = await startedIn(stack, start);
    crews.push({ size, server, addresses, cold: await firstSequences(server, setting, addresses) });
  }
  const runOf = (server: Server): Run => {
    const addresses = crews.find((crew) => crew.server === server)?.addresses ?? [];
    return { addresses, atOnce: AT_ONCE, seconds: plan.roundSeconds, connections: "one", mode: "warm" };
  };
  const servers = crews.map(({ server }) => server);
  const rounds = await takeTurns(servers, { ...plan, load: setting.load, run: runOf });
  return crews.map(({ size, server, cold }) => ({
    size,
    cold,
    warm: rounds.get(server) ?? [],
    loaded: memory(server.pid),
  }));
}
