import type { Log } from "../audit/log.ts";
import { datagramsTo, type SendDatagram } from "../kernel/unix-datagram.ts";
import { runCommand } from "../kit/run-command.ts";

/** @returns why it was not sent */
type Send = (text: string) => Promise<string | undefined>;

/** Whoever started the daemon and wants to know how it is; nobody, where it was not started by systemd. */
export interface ServiceManager {
  /** Assignments as systemd reads them: "READY=1", "STATUS=a sentence for `systemctl status`". */
  tell(...assignments: readonly string[]): Promise<void>;
  /** From now on it hears, twice in the time it allows, that this process still answers; until then it takes a hanging one for well. */
  keepAlive(): void;
}

type Environment = Record<string, string | undefined>;

export interface ServiceManagerOptions {
  readonly pid: number;
  readonly log: Log;
  /** The way to a socket; undefined: as the runtime has it. */
  readonly connect?: (path: string) => Promise<SendDatagram | undefined>;
}

const VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/**
 * Systemd, if it asks to be told; the variables that say so are taken out of the environment, for a program that the
 * daemon runs would take them for its own.
 *
 * https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html,
 * https://www.freedesktop.org/software/systemd/man/latest/sd_watchdog_enabled.html
 */
export async function takeServiceManager(
  environment: Environment,
  { pid, log, connect = datagramsTo }: ServiceManagerOptions,
): Promise<ServiceManager> {
  const { NOTIFY_SOCKET: path, WATCHDOG_USEC, WATCHDOG_PID } = environment;
  for (const name of VARIABLES) delete environment[name];
  if (path === undefined || path === "") return NOBODY;
  const datagrams = await connect(path);
  const send: Send = datagrams ? async (text) => datagrams(text) : byProgram(path);
  let isWarned = false;
  const tell = async (...assignments: readonly string[]): Promise<void> => {
    const reason = await send(assignments.join("\n"));
    if (reason === undefined || isWarned) return;
    isWarned = true;
    log.warn({ reason, remedy: REMEDY }, "systemd is not told how the daemon is");
  };
  const isWatched = WATCHDOG_PID === undefined || WATCHDOG_PID === String(pid);
  const everyMs = isWatched ? halfOf(WATCHDOG_USEC) : undefined;
  const keepAlive = (): void => {
    if (everyMs !== undefined) setInterval(() => void tell("WATCHDOG=1"), everyMs).unref();
  };
  return { tell, keepAlive };
}

const NOBODY: ServiceManager = { tell: async () => {}, keepAlive: () => {} };
const REMEDY =
  "in the unit, set Type=simple and leave WatchdogSec out, or it will be ended when its time to start is up";

/** In milliseconds; undefined where there is no watchdog. */
function halfOf(microseconds: string | undefined): number | undefined {
  const ms = Number(microseconds) / 1000;
  return ms > 0 ? ms / 2 : undefined;
}

/**
 * On Node, systemd's own program does it, one call after the other so that they come in their order. It speaks in its own
 * name, which the unit must allow: NotifyAccess=all.
 */
function byProgram(path: string): Send {
  let last: Promise<string | undefined> = Promise.resolve(undefined);
  const run = async (text: string): Promise<string | undefined> => {
    const env = { ...process.env, NOTIFY_SOCKET: path };
    const outcome = await runCommand(["systemd-notify", "--no-block", ...text.split("\n")], { env });
    return outcome.kind === "exited" && outcome.code === 0 ? undefined : `systemd-notify: ${JSON.stringify(outcome)}`;
  };
  return (text) => {
    last = last.then(() => run(text));
    return last;
  };
}
