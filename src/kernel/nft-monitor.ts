import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { programEnvironment } from "./host-programs.ts";
import { PROHIBIT_PREFERENCE } from "./ip-rules.ts";
import { type NftTable, tableName } from "./nft-table.ts";

/** A program that tells of changes as they happen, and which of its lines are news. */
export interface Monitor {
  readonly argv: readonly string[];
  tells(line: string): boolean;
}

/**
 * Starts a program and calls back for each line it prints, on either stream; resolves when it has ended, and ends it on abort. If this
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
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: programEnvironment() });
    const stop = () => void child.kill();
    const ended = () => {
      signal.removeEventListener("abort", stop);
      resolve();
    };
    signal.addEventListener("abort", stop);
    for (const input of [child.stdout, child.stderr]) createInterface({ input }).on("line", onLine);
    child.once("error", ended);
    child.once("close", ended);
  });

/** Of the tables, and of whatever else of nft's lines is news. */
export const nftMonitor = (tables: readonly NftTable[], tellsMore: Monitor["tells"]): Monitor => {
  const filters = [hasLostEvents, ...tables.map(tellsOf), tellsMore];
  return { argv: ["nft", "monitor"], tells: (line) => filters.some((tells) => tells(line)) };
};

/** Of every routing rule that comes before ours or stands beside them: "Deleted 91:	from all to 169.254.169.254 prohibit". */
export const ipRuleMonitor: Monitor = {
  argv: ["ip", "monitor", "rule"],
  tells: (line) => hasLostEvents(line) || Number(/^(?:Deleted )?(\d+):/.exec(line)?.[1]) <= PROHIBIT_PREFERENCE,
};

/** The kernel had more to tell than the monitor could take (ENOBUFS): nft says the first, ip the second. */
const hasLostEvents = (line: string): boolean => /^# ERROR|^netlink receive error/.test(line);

/**
 * True for a line of `nft monitor` that tells of a change to the table itself, its chains or its rules.
 * On a host whose rules change by the second (kube-proxy) all others must cost next to nothing.
 */
export function tellsOf(table: NftTable): (line: string) => boolean {
  const news = new RegExp(`^\\w+ (?:table|chain|rule) ${tableName(table)}(?: |$)`);
  return (line) => news.test(line);
}
