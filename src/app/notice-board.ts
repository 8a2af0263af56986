import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/** What the operator should know for as long as it is true. Holds nothing secret. */
export interface Notice {
  /** What it is about: "web (9f3c8d7e6a5b)". */
  readonly about: string;
  readonly reason: string;
  readonly remedy: string;
  /** In UTC, to the second. */
  readonly since: string;
}

const FILE = "notices.json";

/**
 * What a daemon says about itself in its runtime directory, for `taskrole interception status` to read. Replaced as a whole
 * at each change, and gone when nothing is left to say. A directory that cannot be written has been told of at the start.
 */
export class NoticeBoard {
  readonly #directory: string;
  readonly #notices = new Map<string, Notice>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Takes away what a daemon left that did not end in order. */
  clear(): void {
    this.#notices.clear();
    this.#write();
  }

  /** @param key one notice for each; a later one takes the place of the former */
  post(key: string, notice: Notice): void {
    this.#notices.set(key, notice);
    this.#write();
  }

  remove(key: string): void {
    if (this.#notices.delete(key)) this.#write();
  }

  #write(): void {
    try {
      if (this.#notices.size === 0) rmSync(join(this.#directory, FILE), { force: true });
      else this.#writeAll();
    } catch (error) {
      if (!(error instanceof Error && "code" in error)) throw error;
    }
  }

  #writeAll(): void {
    const path = join(this.#directory, FILE);
    const daemon = { pid: process.pid, started: startOf(process.pid) };
    mkdirSync(this.#directory, { recursive: true, mode: 0o755 });
    writeFileSync(`${path}.new`, `${JSON.stringify({ daemon, notices: [...this.#notices.values()] })}\n`, {
      mode: 0o640,
    });
    renameSync(`${path}.new`, path);
  }
}

const Board = z.object({
  daemon: z.object({ pid: z.int().positive(), started: z.string().min(1) }),
  notices: z.array(z.object({ about: z.string(), reason: z.string(), remedy: z.string(), since: z.string() })),
});

/** What a daemon that runs now has to say; nothing when none does, or when it cannot be read. */
export function readNotices(directory: string): readonly Notice[] {
  try {
    const { daemon, notices } = Board.parse(JSON.parse(readFileSync(join(directory, FILE), "utf8")));
    return startOf(daemon.pid) === daemon.started ? notices : [];
  } catch {
    return [];
  }
}

/**
 * When the process began, in ticks since the boot: with its number, that names one process for good.
 * https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html (field 22; the second may hold spaces and parentheses)
 */
function startOf(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}
