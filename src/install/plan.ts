import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { SCOPE_DROP_IN } from "../kernel/scope-drop-in.ts";
import type { Action, FileContent, WriteFile } from "./action.ts";
import { type Entry, type Journal, keyOf } from "./journal.ts";
import { PLACES, type Places, SERVICE, SOCKET, UNITS, USER } from "./places.ts";
import type { Survey, Wishes } from "./survey.ts";
import { tellsOfScopes, unitTexts } from "./units.ts";

/** What an installation does on this host, in its order; nothing of what is there already. */
export interface Plan {
  readonly actions: readonly Action[];
  /** Files that stay as they are, and why: sentences. */
  readonly kept: readonly string[];
  /** Files that are in the way, and are nobody's to replace: sentences with a remedy. Nothing is done while there are any. */
  readonly conflicts: readonly string[];
}

interface WantedFile {
  readonly path: string;
  readonly mode: number;
  readonly content: FileContent;
  readonly sha256: string;
}

/** Settings to begin with. */
const INITIAL_SETTINGS = `\
# The settings of taskrole, one "name: value" a line. After a change: taskrole check-config && systemctl reload taskrole
# All of them: docs/configuration.md, or taskrole serve --help
`;

export const settingsOf = (defaultRole: string): string =>
  `${INITIAL_SETTINGS}defaultRole: ${JSON.stringify(defaultRole)}\n`;

/** @param programSha256 of the program that runs now */
export function installPlan(survey: Survey, wishes: Wishes, given: { programSha256: string; places?: Places }): Plan {
  const { programSha256, places = PLACES } = given;
  const dropIn = join(places.units, SCOPE_DROP_IN);
  const wanted = wantedFiles(survey, wishes, { programSha256, places });
  const verdicts = wanted.map((file) => verdictOn(file, survey, places));
  const writes = verdicts.flatMap(({ write }) => write ?? []);
  return {
    actions: [
      ...(survey.hasUser ? [] : [{ kind: "create-user", name: USER } as const]),
      ...folderOf(dirname(places.config), survey.hasConfigFolder, survey),
      ...(wanted.some(({ path }) => path === dropIn) ? folderOf(dirname(dropIn), survey.hasDropInFolder, survey) : []),
      ...verdicts.flatMap(({ adopt }) => adopt ?? []),
      ...writes,
      ...unitActions(survey, writes),
    ],
    kept: verdicts.flatMap(({ kept }) => kept ?? []),
    conflicts: verdicts.flatMap(({ conflict }) => conflict ?? []),
  };
}

/** One that is there keeps its mode, and stays; one that an interrupted installation was about to make is made whole. */
function folderOf(path: string, isThere: boolean, { journal }: Survey): readonly Action[] {
  const isBegun = !journal?.isComplete && journal?.entries.some((entry) => keyOf(entry) === path);
  return isThere && !isBegun ? [] : [{ kind: "make-folder", path }];
}

function wantedFiles(
  { executable, docker, files, systemd }: Survey,
  { config, settings }: Wishes,
  { programSha256, places }: { readonly programSha256: string; readonly places: Places },
): readonly WantedFile[] {
  const dockerGroup = docker.kind === "socket" ? docker.group : undefined;
  const units = unitTexts({
    program: places.program,
    listen: config.listen,
    dockerGroup,
    tellsOfScopes: tellsOfScopes({ systemd }, config),
  });
  const text = settings ?? (files[places.config] === undefined ? INITIAL_SETTINGS : undefined);
  return [
    ...(executable === undefined
      ? []
      : [{ path: places.program, mode: 0o755, content: { copyOf: executable }, sha256: programSha256 }]),
    ...(text === undefined ? [] : [textFile(places.config, text)]),
    ...Object.entries(units).map(([name, unit]) => textFile(join(places.units, name), unit)),
  ];
}

const textFile = (path: string, text: string): WantedFile => ({
  path,
  mode: 0o644,
  content: { text },
  sha256: sha256Of(text),
});

export const sha256Of = (bytes: string | Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

interface Verdict {
  readonly adopt?: Action | undefined;
  readonly write?: WriteFile;
  readonly kept?: string;
  readonly conflict?: string;
}

/** What is there is replaced only where it is as an installation left it. */
function verdictOn(file: WantedFile, { files, journal }: Survey, places: Places): Verdict {
  const { path, sha256 } = file;
  const found = files[path];
  if (found === undefined) return { write: { kind: "write-file", ...file, was: undefined } };
  const recorded = fileEntry(journal, path);
  if (found === sha256) return { adopt: path === places.program ? adoption(file, recorded) : undefined };
  if (recorded && isAsWritten(recorded, found)) return { write: { kind: "write-file", ...file, was: found } };
  if (path === places.program) return { conflict: anotherProgram(file) };
  if (recorded === undefined) return { conflict: inTheWay(path) };
  if (path === places.config) return { conflict: changedSettings(path) };
  return { kept: `${path} was changed since it was installed, and stays as it is` };
}

/** Else each later installation would take it for somebody else's. A program that none of them wrote stays the operator's. */
const adoption = ({ path, sha256 }: WantedFile, recorded: FileEntry | undefined): Action | undefined =>
  recorded && recorded.sha256 !== sha256 ? { kind: "adopt-file", path, sha256 } : undefined;

const fileEntry = (journal: Journal | undefined, path: string): FileEntry | undefined =>
  journal?.entries.find((entry): entry is FileEntry => entry.kind === "file" && entry.path === path);

type FileEntry = Extract<Entry, { kind: "file" }>;

export const isAsWritten = ({ sha256, was }: FileEntry, found: string): boolean => found === sha256 || found === was;

const inTheWay = (path: string): string =>
  `${path} is there already, and is not what would be written, nor from an earlier installation. ` +
  "Nothing was changed. Move it away, or leave out the flag that would change it.";

/** To keep it would be an upgrade that does not happen, and to replace it could lose somebody's own. */
const anotherProgram = ({ path, content }: WantedFile): string =>
  `${path} is there already, and is neither this program nor what an installation put there. Nothing was changed. ` +
  `Put this one in its place yourself (install ${"copyOf" in content ? content.copyOf : "FILE"} ${path} && taskrole install), or move that away.`;

/** The units would be made for the flag's settings, and the daemon would not start with those that are there. */
const changedSettings = (path: string): string =>
  `${path} was changed since it was installed, and is not what the flag would write. Nothing was changed. ` +
  "Leave out the flag, and it stays as it is; to have what the flag says, change it there, or move it away.";

/** A unit that runs from something else than what is on the disk now is restarted, whoever put that there and was interrupted. */
function unitActions({ units, journal, isDaemonOutdated }: Survey, writes: readonly WriteFile[]): readonly Action[] {
  const isActive = (unit: string) => units[unit]?.isActive === true;
  const isWritten = (unit: string) => writes.some(({ path }) => path.endsWith(`/${unit}`));
  const isChanged = (unit: string) => journal?.isComplete === false || units[unit]?.needsReload || isWritten(unit);
  const isSocketDue = isChanged(SOCKET) || !isActive(SOCKET);
  const isServiceDue = isDaemonOutdated || writes.length > 0 || UNITS.some(isChanged);
  const due = isSocketDue ? [SOCKET, SERVICE] : isServiceDue ? [SERVICE] : [];
  const toRestart = due.some(isActive) ? due : [];
  const toEnable = UNITS.filter((unit) => !units[unit]?.isEnabled || isChanged(unit));
  const toStart = UNITS.filter((unit) => !isActive(unit) && !toRestart.includes(unit));
  return [
    ...(toEnable.length > 0 ? [{ kind: "enable", units: toEnable } as const] : []),
    ...(toStart.length > 0 ? [{ kind: "start", units: toStart } as const] : []),
    ...(toRestart.length > 0 ? [{ kind: "restart", units: toRestart } as const] : []),
  ];
}
