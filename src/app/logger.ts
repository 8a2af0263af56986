import { type DestinationStream, destination, type LoggerOptions, pino } from "pino";
import type { Log } from "../audit/log.ts";
import type { Config } from "./options.ts";

export interface Logger {
  readonly log: Log;
  /** Writes what has not been written yet; call it before the process ends. */
  readonly flush: () => void;
}

/** Lines that a reader which has stopped reading may leave waiting, in bytes; more are dropped, and serving goes on. */
const MAX_WAITING_BYTES = 8 << 20;

/**
 * Lines to stdout, written behind the requests' backs: a log reader that hangs
 * must not make containers hang.
 */
export async function createLogger({ logLevel, logFormat }: Pick<Config, "logLevel" | "logFormat">): Promise<Logger> {
  const options: LoggerOptions = {
    level: logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level },
  };
  const stdout = destination({ dest: 1, sync: false, maxLength: MAX_WAITING_BYTES });
  const stream = logFormat === "json" ? stdout : await readable(stdout);
  return { log: pino(options, stream), flush: () => flushed(stdout) };
}

/** "warn" instead of pino's 40. */
const level = (label: string) => ({ level: label });

async function readable(stdout: DestinationStream): Promise<DestinationStream> {
  const { default: pretty } = await import("pino-pretty");
  return pretty({ destination: stdout, sync: true, translateTime: "SYS:HH:MM:ss", colorize: process.stdout.isTTY });
}

/** A stdout that is closed or blocked has no reader to disappoint. */
function flushed(stdout: { flushSync(): void }): void {
  try {
    stdout.flushSync();
  } catch {}
}
