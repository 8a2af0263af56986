import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Command, cCompiler, compileBun, compileC, nodeCommand, removeDirectory } from "./programs.ts";
import { type Host, type ServerStart, startEc2, startEngine, taskroleStart } from "./servers.ts";
import { standIns } from "./stand-ins.ts";
import { containerId, containersOf, makeWorld, type World } from "./world.ts";

/** What all stages share; it goes with the stack. */
export interface Setting {
  readonly taskrole: string;
  /** Undefined where there is none: then the load is node:net's, and there is no C server to compare with. */
  readonly compiler: string | undefined;
  readonly load: Command;
  readonly host: Host;
  readonly constantsInBun: string;
  readonly constantsInC: string | undefined;
  /** Of the containers' stand-ins, or why there are none. */
  readonly pids: readonly number[] | string;
  readonly stack: AsyncDisposableStack;
  /** @returns a new directory, which goes with the stack */
  readonly newDirectory: (name: string) => string;
}

export async function prepare(options: {
  readonly taskrole: string;
  readonly containers: number;
  readonly stack: AsyncDisposableStack;
}): Promise<Setting> {
  const { taskrole, containers, stack } = options;
  const directory = mkdtempSync(join(tmpdir(), "taskrole-bench-"));
  stack.defer(() => removeDirectory(directory));
  const newDirectory = (name: string): string => mkdtempSync(join(directory, `${name}-`));
  const compiler = cCompiler();
  const compiled = (name: string): string | undefined => compiler && compileC(name, directory);
  const load = compiled("load.c");
  return {
    taskrole,
    compiler,
    load: load === undefined ? nodeCommand("load-node.ts") : [load],
    constantsInBun: compileBun("constant-server.ts", directory),
    constantsInC: compiled("constant-server.c"),
    pids: await pidsOrReason(compiled("stand-ins.c"), containers, stack),
    host: await startEc2(taskrole, stack),
    stack,
    newDirectory,
  };
}

async function pidsOrReason(
  program: string | undefined,
  containers: number,
  stack: AsyncDisposableStack,
): Promise<readonly number[] | string> {
  if (program === undefined) return "no C compiler";
  const ids = Array.from({ length: containers }, (_, number) => containerId(number));
  return await standIns([program], ids, stack).catch((error: Error) => error.message);
}

/** A taskrole ready to be started, on an Engine of its own with so many containers. */
export async function taskroleFor(
  setting: Setting,
  count: number,
): Promise<{ readonly start: ServerStart; readonly addresses: readonly string[]; readonly directory: string }> {
  const { pids, host, taskrole, stack } = setting;
  const world: World = makeWorld(count, typeof pids === "string" ? [] : pids);
  const directory = setting.newDirectory(`taskrole-${count}`);
  const engineSocket = await startEngine(world, directory, stack);
  const addresses = containersOf(world).map(({ address }) => address);
  const [first = ""] = addresses;
  return { start: taskroleStart({ ...host, taskrole, engineSocket, directory }, first), addresses, directory };
}

/** Those to compare with, answering from `answers`: the C server only where there is a compiler. */
export const constantStarts = (setting: Setting, answers: string, from: string): readonly ServerStart[] =>
  [
    { name: CONSTANTS_BUN, program: setting.constantsInBun },
    { name: CONSTANTS_C, program: setting.constantsInC },
  ].flatMap(({ name, program }) =>
    program === undefined
      ? []
      : [{ name, from, stdout: "/dev/null", command: (port: number): Command => [program, String(port), answers] }],
  );

export const CONSTANTS_BUN = "constants, node:net on Bun";
export const CONSTANTS_C = "constants, C and epoll";
