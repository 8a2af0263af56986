import { type DestinationStream, destination, type LoggerOptions, pino } from "pino";
import type { Log } from "../audit/log.ts";
import { withDeadline } from "../kit/deadline.ts";
import { sleep } from "../kit/sleep.ts";
import type { Config } from "./options.ts";

export interface Logger {
  readonly log: Log;
  readonly setLevel: (level: Config["logLevel"]) => void;
  /** Waits until all is written, but not for ever: a log that nobody reads must not keep the process from ending. */
  readonly flush: () => Promise<void>;
}

/** Lines that a reader which has stopped reading may leave waiting, in bytes; more are dropped, and serving goes on. */
const MAX_WAITING_BYTES = 8 << 20;

/** Each line is written at once. Not 0, with which the destination says that all is flushed without having looked. */
const MIN_BUFFERED_BYTES = 1;

/** For the last lines at the end. */
const LAST_WRITE_MS = 1_000;

/**
 * Lines to stdout, written behind the requests' backs: a log reader that hangs
 * must not make containers hang.
 */
export async function createLogger({ logLevel, logFormat }: Pick<Config, "logLevel" | "logFormat">): Promise<Logger> {
  const options: LoggerOptions = {
    level: logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level, log: withinBounds },
  };
  let isEnding = false;
  const retryEAGAIN = () => !isEnding; // pino writes once more when the process exits, and would try for ever
  const stdout = destination({
    dest: 1,
    sync: false,
    minLength: MIN_BUFFERED_BYTES,
    maxLength: MAX_WAITING_BYTES,
    retryEAGAIN,
  });
  const stream = logFormat === "json" ? stdout : await readable(stdout);
  const flush = async (): Promise<void> => {
    await flushed(stdout);
    isEnding = true;
  };
  const log = pino(options, stream);
  const setLevel = (level: Config["logLevel"]): void => {
    log.level = level;
  };
  return { log, setLevel, flush };
}

/** "warn" instead of pino's 40. */
const level = (label: string) => ({ level: label });

/** Of one field, in characters: a container's name may be of any length, and is in every line about it. */
const MOST_SHOWN = 4_096;

const isTooLong = (value: unknown): value is string => typeof value === "string" && value.length > MOST_SHOWN;

function withinBounds(fields: Record<string, unknown>): Record<string, unknown> {
  if (!Object.values(fields).some(isTooLong)) return fields;
  const cut = ([name, value]: [string, unknown]) => [name, isTooLong(value) ? `${value.slice(0, MOST_SHOWN)}…` : value];
  return Object.fromEntries(Object.entries(fields).map(cut));
}

async function readable(stdout: DestinationStream): Promise<DestinationStream> {
  const { default: pretty } = await import("pino-pretty");
  return pretty({ destination: stdout, sync: true, translateTime: "SYS:HH:MM:ss", colorize: process.stdout.isTTY });
}

/** A stdout that is closed or blocked has no reader to disappoint. Not flushSync, which waits in the kernel for a full pipe. */
async function flushed(stdout: { flush(done: (error?: Error) => void): void }): Promise<void> {
  const written = new Promise<void>((resolve) => stdout.flush(() => resolve()));
  await withDeadline(written, LAST_WRITE_MS, sleep);
}
