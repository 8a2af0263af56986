import { realpathSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { attempt } from "../kit/attempt.ts";

/** What keeps the daemon from a file that it needs. */
export type Obstacle =
  /** `path` is the file itself or a folder on the way to it; `mode` as chmod takes it. */
  | { readonly kind: "mode"; readonly path: string; readonly file: string; readonly mode: string; readonly lacks: Need }
  /** By a line of its unit, e.g. "ProtectHome=yes"; `name` is what leads there: a setting, or the path itself. */
  | { readonly kind: "hidden"; readonly path: string; readonly by: HidingSetting; readonly name: string };

export type Need = "r" | "x" | "rx";
export type HidingSetting = "ProtectHome" | "PrivateTmp";

export interface NeededFile {
  readonly path: string;
  /** Undefined where reaching it is all that is looked at. */
  readonly need: Need | undefined;
  /** The setting that names it. */
  readonly setting?: string;
}

/** Whom the daemon runs as; undefined while there is no such user. */
export type DaemonUser = { readonly uid: number; readonly gids: readonly number[] } | undefined;

/** https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#ProtectHome= and PrivateTmp= */
const HIDDEN: Readonly<Record<string, HidingSetting>> = {
  "/home": "ProtectHome",
  "/root": "ProtectHome",
  "/run/user": "ProtectHome",
  "/tmp": "PrivateTmp",
  "/var/tmp": "PrivateTmp",
};

const BITS: Readonly<Record<Need, number>> = { r: 4, x: 1, rx: 5 };

/** On the way by its name, and by where links lead. @param isLifted whether the operator has taken that line off the unit */
export function hiddenAway(
  { path, setting }: NeededFile,
  isLifted: (by: HidingSetting) => boolean,
): readonly Obstacle[] {
  const found = waysTo(path).flatMap((way) =>
    foldersOf(way).flatMap((folder) => {
      const by = HIDDEN[folder];
      return by === undefined || isLifted(by)
        ? []
        : [{ kind: "hidden" as const, path: way, by, name: setting ?? path }];
    }),
  );
  return found.slice(0, 1);
}

/** By the modes of what is there; what is not there yet is made as it must be. */
export function closedByMode({ path, need }: NeededFile, user: DaemonUser): readonly Obstacle[] {
  const folders = new Set(waysTo(path).flatMap(foldersOf));
  const steps = [...folders].map((folder) => [folder, "x"] as const);
  return [...steps, ...(need === undefined ? [] : [[path, need] as const])].flatMap(([step, lacks]) => {
    const stats = attempt(() => statSync(step));
    if (stats === undefined || isLetIn(stats, lacks, user)) return [];
    const mode = (stats.mode & 0o7777).toString(8).padStart(4, "0");
    return [{ kind: "mode", path: step, file: path, mode, lacks }];
  });
}

const waysTo = (path: string): readonly string[] => [...new Set([path, attempt(() => realpathSync(path)) ?? path])];

/** From the uppermost on; not "/". */
function foldersOf(path: string): readonly string[] {
  const folder = dirname(path);
  return folder === "/" || folder === "." ? [] : [...foldersOf(folder), folder];
}

/** As the kernel judges: the owner by his bits alone, then the group by its. */
function isLetIn({ mode, uid, gid }: Stats, need: Need, user: DaemonUser): boolean {
  const shift = uid === user?.uid ? 6 : user?.gids.includes(gid) ? 3 : 0;
  return ((mode >> shift) & BITS[need]) === BITS[need];
}
