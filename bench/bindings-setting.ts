import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runHostProgram } from "../src/kernel/host-programs.ts";
import { inNamespace, namespaceOf, wire } from "./lab-host.ts";
import { begin, type Command, compileC, linesOf, removeDirectory } from "./programs.ts";
import { type Host, startEc2, startEngine } from "./servers.ts";
import { standIns } from "./stand-ins.ts";
import { containerId, makeWorld, type World } from "./world.ts";

/** A host in a network namespace, with EC2's services beside it and its containers wired to its bridges. */
export interface BenchHost extends Host {
  readonly namespace: string;
  readonly world: World;
  readonly engineSocket: string;
  readonly newDirectory: () => string;
}

export interface BindingsSetting {
  readonly taskrole: string;
  readonly load: Command;
  readonly standIns: string;
  readonly directory: string;
  readonly stack: AsyncDisposableStack;
}

export function prepareBindings(taskrole: string, stack: AsyncDisposableStack): BindingsSetting {
  const directory = mkdtempSync(join(tmpdir(), "taskrole-bench-"));
  stack.defer(() => removeDirectory(directory));
  return {
    taskrole,
    load: [compileC("load.c", directory)],
    standIns: compileC("stand-ins.c", directory),
    directory,
    stack,
  };
}

/** Addresses that no loopback has, as containers'. */
const BLOCK = 10;

export async function containersFor({ standIns: program, stack }: BindingsSetting, count: number): Promise<World> {
  const ids = Array.from({ length: count }, (_, number) => containerId(number));
  return makeWorld(count, await standIns([program, "net"], ids, stack), BLOCK);
}

/** @param where in this program's own network namespace, or in a new one */
export async function openHost(setting: BindingsSetting, world: World, where: "own" | "new"): Promise<BenchHost> {
  const { taskrole, directory, stack } = setting;
  const namespace = where === "own" ? namespaceOf(process.pid) : await newNamespace(stack);
  await wire(namespace, world);
  const own = mkdtempSync(join(directory, "host-"));
  const newDirectory = (): string => mkdtempSync(join(own, "daemon-"));
  const ec2 = await startEc2(taskrole, stack, (command) => inNamespace(namespace, command));
  return { ...ec2, namespace, world, newDirectory, engineSocket: await startEngine(world, own, stack) };
}

async function newNamespace(stack: AsyncDisposableStack): Promise<string> {
  const holder = begin(
    ["unshare", "--net", "sh", "-c", "echo ready; exec sleep infinity"],
    ["ignore", "pipe", "inherit"],
  );
  stack.defer(holder.stop);
  for await (const line of linesOf(holder)) if (line === "ready") break;
  return namespaceOf(holder.pid);
}

/** @throws when the program does not succeed */
export async function onHost({ namespace }: Pick<BenchHost, "namespace">, ...command: Command): Promise<string> {
  const outcome = await runHostProgram(inNamespace(namespace, command));
  if (outcome.kind === "exited" && outcome.code === 0) return outcome.stdout;
  throw new Error(`${command.join(" ")}: ${JSON.stringify(outcome)}`);
}
