import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { programEnvironment } from "./host-programs.ts";
import { type NftTable, tableName } from "./nft-ruleset.ts";

/**
 * Starts a program and calls back for each line it prints; resolves when it has ended, and ends it on abort. If this
 * process is killed outright, the program lives on until its next line, which nobody reads (SIGPIPE).
 */
export type FollowLines = (
  argv: readonly string[],
  onLine: (line: string) => void,
  signal: AbortSignal,
) => Promise<void>;

export const followLines: FollowLines = (argv, onLine, signal) =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const [program = "", ...args] = argv;
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"], env: programEnvironment() });
    const stop = () => void child.kill();
    const ended = () => {
      signal.removeEventListener("abort", stop);
      resolve();
    };
    signal.addEventListener("abort", stop);
    createInterface({ input: child.stdout }).on("line", onLine);
    child.once("error", ended);
    child.once("close", ended);
  });

/**
 * True for a line of `nft monitor` that tells of a change to the table itself, its chains or its rules.
 * On a host whose rules change by the second (kube-proxy) all others must cost next to nothing.
 */
export function tellsOf(table: NftTable): (line: string) => boolean {
  const news = new RegExp(`^\\w+ (?:table|chain|rule) ${tableName(table)}(?: |$)`);
  return (line) => news.test(line);
}
