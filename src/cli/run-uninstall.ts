import { wordsOf } from "../install/action.ts";
import { uninstall } from "../install/carry-out.ts";
import { sha256OfFile } from "../install/host-survey.ts";
import { InstallError } from "../install/install-error.ts";
import { type Journal, JournalFile } from "../install/journal.ts";
import { PLACES } from "../install/places.ts";
import { removalPlan } from "../install/removal.ts";
import { runHostProgram } from "../kernel/host-programs.ts";
import { Interception } from "../kernel/interception.ts";
import { InterceptionError } from "../kernel/interception-error.ts";

const DONE = 0;
const NOT_DONE = 1;

export interface UninstallRequest {
  readonly removeIpRules: boolean;
  readonly isDry: boolean;
}

/** @returns the exit code */
export async function runUninstall(request: UninstallRequest): Promise<number> {
  try {
    if (process.geteuid?.() !== 0 && !request.isDry) throw new InstallError("A removal needs root", "Run it by sudo");
    return await uninstallHere(request);
  } catch (error) {
    if (!(error instanceof InstallError) && !(error instanceof InterceptionError)) throw error;
    complain(`${error.message.replace(/\.$/, "")}.\n  ${error.remedy.replace(/\.$/, "")}.`);
    return NOT_DONE;
  }
}

async function uninstallHere({ removeIpRules, isDry }: UninstallRequest): Promise<number> {
  const journal = new JournalFile(PLACES.journal);
  const read = journal.read();
  const { actions, kept } = removalPlan(await whatIsThere(read), { removeIpRules });
  if (read === undefined) say("Nothing here is from `taskrole install`.");
  if (isDry) for (const action of actions) say(`would ${wordsOf(action)}`);
  else await takeBack(actions, journal);
  for (const reason of kept) complain(`note: ${reason}.`);
  if (isDry) say("Nothing was changed.");
  else if (!removeIpRules) await tellOfIpRules();
  return DONE;
}

async function takeBack(actions: Parameters<typeof uninstall>[0], journal: JournalFile): Promise<void> {
  const interception = new Interception({ port: ANY_PORT });
  await uninstall(actions, {
    run: runHostProgram,
    journal,
    onDone: (words) => say(`done: ${words}`),
    removePacketRules: async () => void (await interception.removePacketRules()),
    removeIpRules: async () => void (await interception.removeIpRules()),
  });
}
const ANY_PORT = 1;

async function whatIsThere(journal: Journal | undefined): Promise<Parameters<typeof removalPlan>[0]> {
  const entries = journal?.entries ?? [];
  const paths = entries.flatMap((entry) => (entry.kind === "file" ? entry.path : []));
  const users = entries.flatMap((entry) => (entry.kind === "user" ? entry.name : []));
  const outcomes = await Promise.all(users.map((name) => runHostProgram(["getent", "passwd", name])));
  const known = users.filter((_, place) => {
    const outcome = outcomes[place];
    return outcome?.kind === "exited" && outcome.code === 0;
  });
  return {
    journal,
    files: Object.fromEntries(paths.map((path) => [path, sha256OfFile(path)])),
    hasUser: (name) => known.includes(name),
  };
}

/** The program may be gone by now, so the commands are written out. */
async function tellOfIpRules(): Promise<void> {
  const { parts } = await new Interception({ port: ANY_PORT }).check("whole");
  const rules = parts
    .filter(({ name, state }) => /^ip .*pref /.test(name) && state !== "absent")
    .map(({ name }) => name);
  if (rules.length === 0) return;
  complain(
    "The ip rules stay until the next boot, so that no container reaches the host's role unasked. To take them away:\n" +
      rules
        .map((name) => `  ${name.replace("rule pref", "rule del pref")}`)
        .reverse()
        .join("\n"),
  );
}

const say = (line: string) => void process.stdout.write(`${line}\n`);
const complain = (line: string) => void process.stderr.write(`taskrole: ${line}\n`);
