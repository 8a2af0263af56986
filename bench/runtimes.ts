import { realpathSync, statSync } from "node:fs";
import { writePackage } from "../scripts/npm-package.ts";
import { revision } from "../scripts/revision.ts";
import { type Memory, memory } from "./process-figures.ts";
import { type Command, nodeCommand } from "./programs.ts";
import { type Round, type Run, takeTurns } from "./rounds.ts";
import { type Server, type ServerStart, timeToListening } from "./servers.ts";
import { type Setting, taskroleFor } from "./setting.ts";
import {
  AT_ONCE,
  CONTAINERS,
  firstSequences,
  idleMemory,
  type Plan,
  startedIn,
  startTime,
  timesByTurns,
} from "./stages.ts";

/** One way to run the same program. */
interface Runtime {
  readonly name: string;
  readonly program: Command;
  /** What has to be on a host for it; undefined: a checkout with all its packages. */
  readonly bytes: number | undefined;
}

export interface RuntimeFigures extends Pick<Runtime, "name" | "bytes"> {
  readonly listeningMs: readonly number[];
  readonly firstAnswerMs: readonly number[];
  readonly idle: Memory;
  readonly loaded: Memory;
  readonly rounds: readonly Round[];
}

const PACKAGE = "dist/npm";

function runtimesOf({ taskrole }: Setting): readonly Runtime[] {
  const bundle = writePackage(PACKAGE, revision());
  const node = statSync(realpathSync(process.execPath)).size;
  return [
    { name: "executable, on Bun", program: [taskrole], bytes: statSync(taskrole).size },
    { name: "npm package, on Node", program: [process.execPath, bundle], bytes: statSync(bundle).size + node },
    { name: "source, on Node", program: nodeCommand("../src/cli/main.ts"), bytes: undefined },
  ];
}

interface Contestant {
  readonly runtime: Runtime;
  readonly start: ServerStart;
  readonly addresses: readonly string[];
}

/** Each by turns, each with an Engine of its own that has the same containers. The first is what the others are compared with. */
export async function measureRuntimes(setting: Setting, plan: Plan): Promise<readonly RuntimeFigures[]> {
  await using stack = new AsyncDisposableStack();
  const contestants: Contestant[] = [];
  for (const runtime of runtimesOf(setting)) {
    const { start, addresses } = await taskroleFor(setting, CONTAINERS);
    contestants.push({ runtime, start: startOn(runtime, start), addresses });
  }
  const starts = contestants.map(({ start }) => start);
  const listening = await timesByTurns(starts, plan.starts, timeToListening);
  const answering = await timesByTurns(starts, plan.starts, startTime);
  const running = await runningIn(stack, setting, contestants);
  const [{ addresses } = { addresses: [] }] = contestants;
  const run: Run = { addresses, atOnce: AT_ONCE, seconds: plan.roundSeconds, connections: "one", mode: "warm" };
  const rounds = await takeTurns(
    running.map(({ server }) => server),
    { ...plan, load: setting.load, run },
  );
  return running.map(({ runtime: { name, bytes }, server, idle }) => ({
    ...{ name, bytes, idle },
    listeningMs: listening.get(name) ?? [],
    firstAnswerMs: answering.get(name) ?? [],
    loaded: memory(server.pid),
    rounds: rounds.get(server) ?? [],
  }));
}

function startOn({ name, program }: Runtime, start: ServerStart): ServerStart {
  const command = (port: number): Command => {
    const [, ...args] = start.command(port);
    return [...program, ...args];
  };
  return { ...start, name, command };
}

/** With one container, so that what is measured is the program and not what it holds. */
async function idleOn(runtime: Runtime, setting: Setting): Promise<Memory> {
  await using stack = new AsyncDisposableStack();
  const { start } = await taskroleFor(setting, 1);
  const [, idle] = await idleMemory(await startedIn(stack, startOn(runtime, start)));
  return idle;
}

async function runningIn(stack: AsyncDisposableStack, setting: Setting, contestants: readonly Contestant[]) {
  const running: { runtime: Runtime; server: Server; idle: Memory }[] = [];
  for (const { runtime, start, addresses } of contestants) {
    const idle = await idleOn(runtime, setting);
    const server = await startedIn(stack, start);
    await firstSequences(server, setting, addresses);
    running.push({ runtime, server, idle });
  }
  return running;
}
