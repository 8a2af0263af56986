import { readFileSync } from "node:fs";
import type { Setting } from "../kit/setting.ts";
import { yamlItems } from "./yaml-items.ts";

export interface ConfigFile {
  readonly settings: readonly Setting[];
  /** Sentences that begin with the file and the line. */
  readonly mistakes: readonly string[];
}

/** @returns undefined when there is no such file */
export function readConfigFile(path: string): ConfigFile | undefined {
  try {
    return parseConfigFile(path, readFileSync(path, "utf8"));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    return {
      settings: [],
      mistakes: [`${path}: cannot be read (${code}): make it readable for the user taskrole runs as`],
    };
  }
}

export function parseConfigFile(path: string, text: string): ConfigFile {
  const read = yamlItems(path, text);
  switch (read.kind) {
    case "map":
      return { settings: read.items.map(({ key, ...rest }) => ({ name: key, ...rest })), mistakes: [] };
    case "empty":
      return { settings: [], mistakes: [] };
    case "broken":
      return { settings: [], mistakes: read.mistakes };
    default:
      return { settings: [], mistakes: [`${path}: must be settings, one "name: value" a line`] };
  }
}
