import { askAdmin, NoAdminReply } from "../admin/admin-client.ts";
import { adminSocketOf, HEALTH } from "../app/admin-service.ts";
import { type ConfigSources, readableConfig } from "../app/config.ts";
import { noAnswer } from "./no-answer.ts";

const SERVING = 0;
const NOT_SERVING = 1;

/** Shorter than the time that the image's HEALTHCHECK allows, so that its log has the reason. */
const PATIENCE_MS = 3_000;

/** @param sources where the daemon's socket is found by @returns the exit code */
export async function runHealth(sources: ConfigSources): Promise<number> {
  const path = adminSocketOf(readableConfig(sources));
  try {
    const { status } = await askAdmin(path, { ...HEALTH, patienceMs: PATIENCE_MS });
    if (status !== 200) return complain(NOT_YET[status] ?? `the daemon at ${path} answered ${status}: see its log`);
    process.stdout.write("taskrole serves containers\n");
    return SERVING;
  } catch (error) {
    if (!(error instanceof NoAdminReply)) throw error;
    return complain(noAnswer(path, error));
  }
}

const NOT_YET: Readonly<Record<number, string>> = {
  503: "the daemon is starting or stopping: its log says how far it is",
};

function complain(line: string): number {
  process.stderr.write(`taskrole: ${line}\n`);
  return NOT_SERVING;
}
