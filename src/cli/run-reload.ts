import { z } from "zod";
import { askAdmin, NoAdminReply } from "../admin/admin-client.ts";
import { adminSocketOf, RELOAD } from "../app/admin-service.ts";
import { type ConfigSources, readableConfig } from "../app/config.ts";
import { noAnswer } from "./no-answer.ts";

const DONE = 0;
const NO_DAEMON = 1;
const WRONG_CONFIGURATION = 2;

const Reloaded = z.object({
  applied: z.array(z.string()),
  needsRestart: z.array(z.string()),
  because: z.array(z.string()).default([]),
});
const Refused = z.object({ problems: z.array(z.string()) });

/** @param sources where the daemon's socket is found by: mistakes in them are the daemon's to tell @returns the exit code */
export async function runReload(sources: ConfigSources): Promise<number> {
  const path = adminSocketOf(readableConfig(sources));
  try {
    const { status, body } = await askAdmin(path, RELOAD);
    if (status === 200) return tellReloaded(Reloaded.parse(body));
    if (status === 422) return tellRefused(Refused.parse(body).problems);
    complain(`the daemon at ${path} answered ${status}: see its log`);
    return NO_DAEMON;
  } catch (error) {
    if (!(error instanceof NoAdminReply)) throw error;
    complain(noAnswer(path, error));
    return NO_DAEMON;
  }
}

function tellReloaded({ applied, needsRestart, because }: z.infer<typeof Reloaded>): number {
  if (applied.length > 0) say(`In force now: ${applied.join(", ")}`);
  if (needsRestart.length > 0) say(`Only with a restart: ${needsRestart.join(", ")}`);
  for (const reason of because) say(reason);
  if (applied.length + needsRestart.length === 0) say("Nothing has changed.");
  return DONE;
}

function tellRefused(problems: readonly string[]): number {
  for (const problem of problems) complain(problem);
  complain("nothing was changed: the configuration in force stays");
  return WRONG_CONFIGURATION;
}

const say = (line: string) => process.stdout.write(`${line}\n`);
const complain = (line: string) => process.stderr.write(`taskrole: ${line}\n`);
