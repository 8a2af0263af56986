import { wordsOf } from "../install/action.ts";
import { install } from "../install/carry-out.ts";
import { type Finding, findingsOn } from "../install/findings.ts";
import { sha256OfFile, surveyHost } from "../install/host-survey.ts";
import { InstallError } from "../install/install-error.ts";
import { JournalFile } from "../install/journal.ts";
import { PLACES } from "../install/places.ts";
import { installPlan, type Plan } from "../install/plan.ts";
import type { Survey, Wishes } from "../install/survey.ts";
import { runHostProgram } from "../kernel/host-programs.ts";
import { ownExecutable } from "../kit/own-executable.ts";
import { type InstallRequest, wishesOf } from "./install-wishes.ts";

const DONE = 0;
const NOT_DONE = 1;

/** @returns the exit code; exits with 2 for settings that are wrong */
export async function runInstall(request: InstallRequest): Promise<number> {
  const wishes = wishesOf(request);
  try {
    const survey = await surveyHost({ config: wishes.config, run: runHostProgram, executable: ownExecutable() });
    if (!survey.isRoot && !request.isDry) throw new InstallError("An installation needs root", NEEDS_ROOT);
    return await installOn(survey, wishes, request);
  } catch (error) {
    if (!(error instanceof InstallError)) throw error;
    complain(`${error.message}.\n  ${error.remedy}.`);
    return NOT_DONE;
  }
}

const NEEDS_ROOT = "Run it by sudo; with --dry-run it needs none, and shows what it would do";

async function installOn(survey: Survey, wishes: Wishes, { isDry }: InstallRequest): Promise<number> {
  const findings = findingsOn(survey, wishes);
  for (const finding of findings) tellFinding(finding);
  const { executable } = survey;
  const plan = installPlan(survey, wishes, { programSha256: executable ? (sha256OfFile(executable) ?? "") : "" });
  for (const conflict of plan.conflicts) complain(conflict);
  const mustStop = plan.conflicts.length > 0 || findings.some(({ weight }) => weight === "stop");
  if (mustStop && !isDry) return tellStopped();
  for (const reason of plan.kept) complain(`note: ${reason}.`);
  if (isDry) return tellDry(plan, mustStop);
  await install(plan.actions, {
    run: runHostProgram,
    journal: new JournalFile(PLACES.journal),
    onDone: (words) => say(`done: ${words}`),
    removePacketRules: async () => {},
    removeIpRules: async () => {},
  });
  return tellInstalled(plan);
}

function tellStopped(): number {
  complain("nothing was changed.");
  return NOT_DONE;
}

function tellDry({ actions }: Plan, mustStop: boolean): number {
  for (const action of actions) say(`would ${wordsOf(action)}`);
  if (actions.length === 0) say("There is nothing to do: all of it is in place.");
  say(mustStop ? "Not before what is in the way is gone: see above. Nothing was changed." : "Nothing was changed.");
  return mustStop ? NOT_DONE : DONE;
}

function tellInstalled({ actions }: Plan): number {
  if (actions.length === 0) say("There was nothing to do: all of it is in place.");
  say(
    "taskrole runs, and starts with the host, before Docker. Look: systemctl status taskrole; taskrole interception status",
  );
  return DONE;
}

const tellFinding = ({ weight, sentence, remedy }: Finding): void =>
  complain(`${weight === "stop" ? "" : "warning: "}${sentence}\n  ${remedy}`);

const say = (line: string) => void process.stdout.write(`${line}\n`);
const complain = (line: string) => void process.stderr.write(`taskrole: ${line}\n`);
