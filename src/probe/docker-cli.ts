import { StartError } from "../app/start-error.ts";
import { runCommand } from "../kit/run-command.ts";

const TIMEOUT_MS = 60_000;
/** Of a command that failed, as many as show what it was about. */
const SHOWN_WORDS = 5;

/** The docker command with these arguments. @returns what it printed @throws StartError with its own words */
export type Docker = (...args: readonly string[]) => Promise<string>;

/**
 * Runs a program that nothing can be shown without, and gives what it printed.
 *
 * @throws StartError with the program's own words
 */
export async function must(argv: readonly string[]): Promise<string> {
  const outcome = await runCommand(argv, { timeoutMs: TIMEOUT_MS });
  if (outcome.kind === "exited" && outcome.code === 0) return outcome.stdout.trim();
  const [program = ""] = argv;
  if (outcome.kind === "missing") throw new StartError(`this needs the program ${program}: install it`);
  const words = "stderr" in outcome ? outcome.stderr.trim() : outcome.kind;
  throw new StartError(`"${argv.slice(0, SHOWN_WORDS).join(" ")} …" failed: ${words}`);
}

/** Of the engine that DOCKER_HOST names, or of the usual one. */
export const docker: Docker = (...args) => must(["docker", ...args]);

/** Of the engine at this endpoint, e.g. "unix:///var/run/docker.sock". */
export const dockerAt =
  (endpoint: string): Docker =>
  (...args) =>
    must(["docker", "--host", endpoint, ...args]);
