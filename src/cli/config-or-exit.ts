import { ConfigError, type ConfigSources, loadConfig } from "../app/config.ts";
import type { Config } from "../app/options.ts";

const EXIT_USAGE = 2;

/** The configuration, or every mistake in it on stderr and the end of the program. */
export function configOrExit(sources: ConfigSources): Config {
  try {
    return loadConfig(sources);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const mistake of error.mistakes) process.stderr.write(`taskrole: ${mistake}\n`);
    process.exit(EXIT_USAGE);
  }
}
