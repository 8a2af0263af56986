import { chmodSync, mkdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { SCOPE_DROP_IN } from "../kernel/scope-drop-in.ts";
import { attempt } from "../kit/attempt.ts";
import type { RunCommand } from "../kit/run-command.ts";
import { type Action, type FileContent, type Removal, wordsOf } from "./action.ts";
import { GO_ON, InstallError, orRefused } from "./install-error.ts";
import { EMPTY, type Entry, type Journal, type JournalFile, keyOf, noted, without } from "./journal.ts";
import { SERVICE, SOCKET, UNITS } from "./places.ts";
import { removeDraft, writeWhole } from "./whole-file.ts";

/** What carries out actions works with. */
export interface Hands {
  readonly run: RunCommand;
  readonly journal: JournalFile;
  /** Told of each action when it is done. */
  readonly onDone: (words: string) => void;
  readonly removePacketRules: () => Promise<void>;
  readonly removeIpRules: () => Promise<void>;
}

/**
 * One after the other, each in the journal before it is begun: wherever this ends, the next installation goes on from
 * there, and a removal takes back what there is.
 *
 * @throws InstallError at the first that fails
 */
export async function install(actions: readonly Action[], hands: Hands): Promise<void> {
  let journal = hands.journal.read() ?? EMPTY;
  for (const action of actions) {
    const entry = entryOf(action, journal);
    if (entry) {
      journal = noted(journal, entry);
      hands.journal.write(journal);
    }
    await perform(action, hands);
    hands.onDone(wordsOf(action));
  }
  if (!journal.isComplete) hands.journal.write({ ...journal, isComplete: true });
}

/** The same backwards: what is gone leaves the journal afterwards. */
export async function uninstall(actions: readonly Action[], hands: Hands): Promise<void> {
  let journal = hands.journal.read();
  for (const action of actions) {
    await perform(action, hands);
    hands.onDone(wordsOf(action));
    const key = keyOfRemoval(action);
    if (journal === undefined || key === undefined) continue;
    journal = without(journal, key);
    hands.journal.write(journal);
  }
  hands.journal.remove();
}

function entryOf(action: Action, journal: Journal): Entry | undefined {
  switch (action.kind) {
    case "create-user":
      return { kind: "user", name: action.name };
    case "make-folder":
      return { kind: "folder", path: action.path };
    case "write-file":
      return { kind: "file", path: action.path, sha256: action.sha256, ...(action.was && { was: action.was }) };
    case "adopt-file":
      return { kind: "file", path: action.path, sha256: action.sha256 };
    case "enable":
      return { kind: "units", names: [...enabledOnes(journal).union(new Set(action.units))] };
    default:
      return undefined;
  }
}

const enabledOnes = ({ entries }: Journal): Set<string> =>
  new Set(entries.flatMap((entry) => (entry.kind === "units" ? entry.names : [])));

/** Of the entry that this is the last of: the packet rules go between the units' stop and their directory, and may fail. */
function keyOfRemoval(action: Action): string | undefined {
  switch (action.kind) {
    case "remove-runtime-directory":
      return "units";
    case "remove-file":
    case "remove-folder":
      return action.path;
    case "remove-user":
      return keyOf({ kind: "user", name: action.name });
    default:
      return undefined;
  }
}

async function perform(action: Action, hands: Hands): Promise<void> {
  const { run } = hands;
  switch (action.kind) {
    case "create-user":
      return demand([...USERADD, action.name], run);
    case "make-folder":
      return orRefused(action.path, () => makeFolder(action.path));
    case "write-file":
      orRefused(action.path, () => writeWhole(action.path, bytesOf(action.content), action.mode));
      return isDropIn(action.path) ? demand(["systemctl", "daemon-reload"], run) : undefined;
    case "adopt-file":
      return;
    case "enable":
      await demand(["systemctl", "daemon-reload"], run);
      return demand(["systemctl", "enable", "--quiet", ...action.units], run);
    case "start":
      return demandUnits("start", action.units, run);
    case "restart":
      return restart(action.units, run);
    default:
      return performRemoval(action, hands);
  }
}

/** No unit that is enabled or started: systemd is told of it by itself. */
const isDropIn = (path: string): boolean => path.endsWith(`/${SCOPE_DROP_IN}`);

async function performRemoval(action: Removal, { run, ...hands }: Hands): Promise<void> {
  switch (action.kind) {
    case "disable":
      return disable(action.units, run);
    case "remove-runtime-directory":
      return orRefused(action.path, () => rmSync(action.path, { recursive: true, force: true }));
    case "remove-packet-rules":
      return hands.removePacketRules();
    case "remove-file":
      orRefused(action.path, () => removeDraft(action.path));
      orRefused(action.path, () => rmSync(action.path, { force: true }));
      return isDropIn(action.path) || UNITS.some((unit) => action.path.endsWith(`/${unit}`)) ? forget(run) : undefined;
    case "remove-folder":
      return void attempt(() => rmdirSync(action.path));
    case "remove-user":
      return demand(["userdel", action.name], run);
    case "remove-ip-rules":
      return hands.removeIpRules();
  }
}

const USERADD = [
  "useradd",
  "--system",
  "--user-group",
  "--no-create-home",
  "--home-dir",
  "/nonexistent",
  "--shell",
  "/usr/sbin/nologin",
];

/**
 * A unit whose file is gone cannot be disabled, and need not be: what counts is that none runs any more. They start one another
 * (a daemon that fails is started again with its socket, a connection starts the daemon), so they stop together, and
 * once more where one was quicker.
 */
async function disable(units: readonly string[], run: RunCommand): Promise<void> {
  for (const unit of units) await run(["systemctl", "disable", "--quiet", unit], { timeoutMs: START_TIMEOUT_MS });
  let unit: string | undefined;
  for (let tries = 1; tries <= STOP_TRIES; tries += 1) {
    await run(["systemctl", "stop", ...units.toReversed()], { timeoutMs: START_TIMEOUT_MS }); // the daemon first
    unit = await firstActive(units, run);
    if (unit === undefined) return;
  }
  throw new InstallError(
    `${unit} cannot be stopped`,
    `See why (systemctl status ${unit}), and run the same command again`,
  );
}

const STOP_TRIES = 3;

async function firstActive(units: readonly string[], run: RunCommand): Promise<string | undefined> {
  for (const unit of units) {
    const outcome = await run(["systemctl", "is-active", "--quiet", unit]);
    if (outcome.kind !== "exited" || outcome.code === 0) return unit;
  }
  return undefined;
}

/** Systemd knows a unit until it reads its files again, and one that failed until it is told that this is past. */
async function forget(run: RunCommand): Promise<void> {
  await demand(["systemctl", "daemon-reload"], run);
  await run(["systemctl", "reset-failed", ...UNITS]);
}

const START_TIMEOUT_MS = 90_000;

async function demand(argv: readonly string[], run: RunCommand): Promise<void> {
  const outcome = await run(argv, { timeoutMs: START_TIMEOUT_MS });
  if (outcome.kind === "exited" && outcome.code === 0) return;
  const said = "stderr" in outcome ? outcome.stderr.trim() : "";
  const ended = outcome.kind === "exited" ? `ended with code ${outcome.code}` : `did not do it (${outcome.kind})`;
  throw new InstallError(`"${argv.join(" ")}" ${ended}${said === "" ? "" : `, saying: ${said}`}`, GO_ON);
}

/** A socket does not start again while its service runs: where both are meant, both stop first. */
async function restart(units: readonly string[], run: RunCommand): Promise<void> {
  if (!units.includes(SOCKET)) return demandUnits("restart", units, run);
  await demandUnits("stop", units, run);
  await demandUnits("start", units, run);
}

/** What the daemon itself said of it is worth more than what systemctl says. */
async function demandUnits(verb: string, units: readonly string[], run: RunCommand): Promise<void> {
  try {
    await demand(["systemctl", verb, ...units], run);
  } catch (error) {
    if (!(error instanceof InstallError)) throw error;
    const log = await run(["journalctl", "--unit", SERVICE, "--lines", "8", "--no-pager", "--output", "cat"]);
    const words = log.kind === "exited" ? log.stdout.trim() : "";
    throw new InstallError(words === "" ? error.message : `${error.message}\n${words}`, error.remedy);
  }
}

/** Whatever the umask, the daemon's user must come to its settings. */
function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o755);
}

const bytesOf = (content: FileContent): Uint8Array =>
  "text" in content ? Buffer.from(content.text) : readFileSync(content.copyOf);
