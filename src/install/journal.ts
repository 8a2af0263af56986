import { mkdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { attempt } from "../kit/attempt.ts";
import { InstallError, orRefused } from "./install-error.ts";
import { removeDraft, writeWhole } from "./whole-file.ts";

const Entry = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("user"), name: z.string() }),
  z.object({ kind: z.literal("folder"), path: z.string() }),
  /** `sha256` of what is written, `was` of what it replaces: one of them is there, however the writing ended. */
  z.object({ kind: z.literal("file"), path: z.string(), sha256: z.string(), was: z.string().optional() }),
  z.object({ kind: z.literal("units"), names: z.array(z.string()) }),
]);

/** Something on this host that is there because of an installation. */
export type Entry = z.infer<typeof Entry>;

const Journal = z.object({
  version: z.literal(1),
  /** False from the first change on until the last is done. */
  isComplete: z.boolean(),
  /** In the order they were made, each noted before it was. */
  entries: z.array(Entry),
});

export type Journal = z.infer<typeof Journal>;

export const EMPTY: Journal = { version: 1, isComplete: false, entries: [] };

/** What tells two entries about the same thing. */
export const keyOf = (entry: Entry): string => {
  switch (entry.kind) {
    case "user":
      return `user ${entry.name}`;
    case "folder":
    case "file":
      return entry.path;
    case "units":
      return "units";
  }
};

/** With this entry in the place of one about the same thing, or as the last. */
export function noted(journal: Journal, entry: Entry): Journal {
  const key = keyOf(entry);
  const isThere = journal.entries.some((other) => keyOf(other) === key);
  const entries = isThere
    ? journal.entries.map((other) => (keyOf(other) === key ? entry : other))
    : [...journal.entries, entry];
  return { ...journal, isComplete: false, entries };
}

export const without = (journal: Journal, key: string): Journal => ({
  ...journal,
  isComplete: false,
  entries: journal.entries.filter((entry) => keyOf(entry) !== key),
});

/** The journal on the disk: whole at every moment, and there before what it tells of. */
export class JournalFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Undefined when nothing was installed. @throws InstallError for one that cannot be read */
  read(): Journal | undefined {
    const text = this.#text();
    if (text === undefined) return undefined;
    const parsed = Journal.safeParse(attempt(() => JSON.parse(text)));
    if (parsed.success) return parsed.data;
    throw new InstallError(
      `${this.#path} tells what was installed here, and cannot be understood`,
      "restore it, or remove it and what is installed by hand: docs/operations.md names the files",
    );
  }

  /** @throws InstallError where it cannot be written */
  write(journal: Journal): void {
    orRefused(this.#path, () => {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o755 });
      writeWhole(this.#path, `${JSON.stringify(journal, null, 2)}\n`, 0o644);
    });
  }

  /** With its folder, unless something else is in there. @throws InstallError where it cannot be removed */
  remove(): void {
    orRefused(this.#path, () => {
      removeDraft(this.#path);
      rmSync(this.#path, { force: true });
    });
    attempt(() => rmdirSync(dirname(this.#path)));
  }

  #text(): string | undefined {
    try {
      return readFileSync(this.#path, "utf8");
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ENOTDIR") return undefined;
      throw new InstallError(`${this.#path} cannot be read (${code})`, "run this command as root");
    }
  }
}
