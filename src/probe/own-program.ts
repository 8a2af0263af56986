import { spawn } from "node:child_process";
import { ownExecutable } from "../kit/own-executable.ts";

/** How this very program is started again: the executable alone, or Node with the script. */
export function ownProgram(): readonly string[] {
  const executable = ownExecutable();
  return executable === undefined ? [process.execPath, process.argv[1] ?? ""] : [executable];
}

/** Runs a command of this program as a process of its own, with this environment and nothing else; gives its stdout. */
export function runOwn(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  const [program = "", ...script] = ownProgram();
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...script, ...args], { env, stdio: ["ignore", "pipe", "inherit"] });
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.on("error", reject);
    child.on("close", () => resolve(stdout));
  });
}
