import { statSync } from "node:fs";
import { attempt } from "../kit/attempt.ts";
import type { RunCommand } from "../kit/run-command.ts";
import { SERVICE } from "./places.ts";

/**
 * Whether the daemon that runs is another file than the program in its place: that was replaced, and nobody restarted it. By
 * device and inode, as /proc/PID/exe leads to the file itself, whatever it is called by now, or deleted. False where it
 * cannot be told (that takes root), and where the operator has the unit start something else.
 */
export async function isDaemonOutdated(program: string, run: RunCommand): Promise<boolean> {
  const outcome = await run(["systemctl", "show", "--property=MainPID,ExecStart", SERVICE]);
  const text = outcome.kind === "exited" ? outcome.stdout : "";
  const pid = /^MainPID=([1-9]\d*)$/m.exec(text)?.[1];
  if (pid === undefined || !text.includes(`path=${program} ;`)) return false;
  const [running, inPlace] = [fileAt(`/proc/${pid}/exe`), fileAt(program)];
  return running !== undefined && inPlace !== undefined && running !== inPlace;
}

function fileAt(path: string): string | undefined {
  const stats = attempt(() => statSync(path, { bigint: true }));
  return stats && `${stats.dev} ${stats.ino}`;
}
