import { type LoggerOptions, pino } from "pino";
import type { Log } from "../audit/log.ts";
import type { Config } from "./options.ts";

/** Lines to stdout, written before the call returns: a line that explains a crash must not die with it. */
export async function createLogger({ logLevel, logFormat }: Pick<Config, "logLevel" | "logFormat">): Promise<Log> {
  const options: LoggerOptions = {
    level: logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level },
  };
  if (logFormat === "json") return pino(options, pino.destination({ dest: 1, sync: true }));
  const { default: pretty } = await import("pino-pretty");
  return pino(options, pretty({ sync: true, translateTime: "SYS:HH:MM:ss", colorize: process.stdout.isTTY }));
}

/** "warn" instead of pino's 40. */
const level = (label: string) => ({ level: label });
