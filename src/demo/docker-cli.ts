import { StartError } from "../app/start-error.ts";
import { runCommand } from "../kit/run-command.ts";

const TIMEOUT_MS = 60_000;

/**
 * Runs a program that the demo cannot do without, and gives what it printed.
 *
 * @throws StartError with the program's own words
 */
export async function must(argv: readonly string[]): Promise<string> {
  const outcome = await runCommand(argv, { timeoutMs: TIMEOUT_MS });
  if (outcome.kind === "exited" && outcome.code === 0) return outcome.stdout.trim();
  const [program = ""] = argv;
  if (outcome.kind === "missing")
    throw new StartError(`the demo with containers needs the program ${program}: install it`);
  const words = "stderr" in outcome ? outcome.stderr.trim() : outcome.kind;
  throw new StartError(`"${argv.slice(0, 3).join(" ")} …" failed: ${words}`);
}

export const docker = (...args: readonly string[]): Promise<string> => must(["docker", ...args]);
