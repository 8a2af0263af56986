import { ConfigError, type ConfigSources, type LoadedConfig, loadWithPlaces } from "../app/config.ts";
import type { Config } from "../app/options.ts";

const EXIT_USAGE = 2;

/** The configuration, or every mistake in it on stderr and the end of the program. */
export const configOrExit = (sources: ConfigSources): Config => loadedOrExit(sources).config;

/** The same, with where it came from. */
export function loadedOrExit(sources: ConfigSources): LoadedConfig {
  try {
    return loadWithPlaces(sources);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const mistake of error.mistakes) process.stderr.write(`taskrole: ${mistake}\n`);
    process.exit(EXIT_USAGE);
  }
}
