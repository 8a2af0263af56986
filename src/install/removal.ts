import { join } from "node:path";
import type { Action } from "./action.ts";
import type { Entry, Journal } from "./journal.ts";
import { HOLD, PLACES, type Places, SERVICE, SOCKET, UNITS } from "./places.ts";
import { isAsWritten } from "./plan.ts";

/** What there is now of what an installation made. */
export interface RemovalSurvey {
  readonly journal: Journal | undefined;
  /** Of each file of the journal: its SHA-256, or undefined where it is not there. */
  readonly files: Readonly<Record<string, string | undefined>>;
  readonly hasUser: (name: string) => boolean;
}

export interface RemovalPlan {
  readonly actions: readonly Action[];
  /** Files that were changed since, and stay: sentences. */
  readonly kept: readonly string[];
}

export interface RemovalWishes {
  readonly removeIpRules: boolean;
  readonly places?: Places;
}

/**
 * Backwards through the journal, so that nothing is taken away from under what needs it. The packet rules go once the daemon
 * that would mend them is stopped; the routing rules, which keep containers from the host's role, last, and only when asked.
 */
export function removalPlan(survey: RemovalSurvey, { removeIpRules, places = PLACES }: RemovalWishes): RemovalPlan {
  const entries = [...(survey.journal?.entries ?? [])].reverse();
  const kept = entries.filter((entry) => entry.kind === "file" && !isOurs(entry, survey));
  const isUnitKept = kept.some((entry) =>
    UNITS.some((unit) => "path" in entry && entry.path === join(places.units, unit)),
  );
  const gone = entries.filter((entry) => !kept.includes(entry)).flatMap((entry) => removalOf(entry, survey, places));
  const [stopping, rest] = [
    gone.filter(({ kind }) => kind === "disable"),
    gone.filter(({ kind }) => kind !== "disable"),
  ];
  const rules: readonly Action[] = survey.journal === undefined ? [] : [{ kind: "remove-packet-rules" }];
  return {
    actions: [...stopping, ...rules, ...rest, ...(removeIpRules ? [{ kind: "remove-ip-rules" } as const] : [])],
    kept: [
      ...kept.map((entry) => `${"path" in entry ? entry.path : ""} was changed since it was installed, and stays`),
      ...(isUnitKept
        ? ["a unit that stays is not started with the host any more; `systemctl enable` would do that"]
        : []),
    ],
  };
}

/** The socket first, or the next container that connects starts the service again. */
const STOPPING = [SOCKET, SERVICE, HOLD];

function isOurs(entry: Extract<Entry, { kind: "file" }>, { files }: RemovalSurvey): boolean {
  const found = files[entry.path];
  return found === undefined || isAsWritten(entry, found);
}

function removalOf(entry: Entry, { hasUser }: RemovalSurvey, places: Places): readonly Action[] {
  switch (entry.kind) {
    case "units":
      return [
        { kind: "disable", units: STOPPING.filter((unit) => entry.names.includes(unit)) },
        { kind: "remove-runtime-directory", path: places.runtime },
      ];
    case "file":
      return [{ kind: "remove-file", path: entry.path }];
    case "folder":
      return [{ kind: "remove-folder", path: entry.path }];
    case "user":
      return hasUser(entry.name) ? [{ kind: "remove-user", name: entry.name }] : [];
  }
}
