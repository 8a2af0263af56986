import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { begin, nodeCommand } from "./programs.ts";
import type { Setting } from "./setting.ts";

/** Undefined when the bindings can be measured here. */
export function whyNoBindings(compiler: string | undefined): string | undefined {
  if (process.getuid?.() !== 0) return "needs root, for network namespaces";
  if (compiler === undefined) return "needs a C compiler, for what asks from inside the namespaces";
  try {
    for (const [file, ...args] of PROGRAMS) execFileSync(file, args, { stdio: "ignore" });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const PROGRAMS = [
  ["unshare", "--net", "true"],
  ["nsenter", "--version"],
  ["nft", "--version"],
  ["ip", "-V"],
  ["lsns", "--version"],
] as const;

/** A program of its own, in a network namespace of its own: it says its figures itself. @throws when it fails */
export async function measureBindings(
  { taskrole, stack }: Pick<Setting, "taskrole" | "stack">,
  isQuick: boolean,
): Promise<void> {
  const command = nodeCommand("bindings-main.ts", "--taskrole", taskrole, ...(isQuick ? ["--quick"] : []));
  const { child, stop } = begin(["unshare", "--net", ...command], ["ignore", "inherit", "inherit"]);
  stack.defer(stop);
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`the bindings could not be measured: the program ended with ${code ?? "a signal"}`);
}
