import { stringify } from "yaml";
import type { LoadedConfig } from "./config.ts";
import { OPTION_NAMES, type OptionName, writtenDefault } from "./options.ts";

/** The whole configuration as a file that reads back as the same, and behind each value where it came from. */
export const configPicture = ({ settings }: LoadedConfig): string =>
  OPTION_NAMES.map((name) => {
    const written = settings.find((one) => one.name === name);
    return written ? settingLines(name, written.value, written.place) : defaultLines(name);
  }).join("");

function defaultLines(name: OptionName): string {
  const value = writtenDefault(name);
  return value === undefined ? `# ${name}: not set\n` : settingLines(name, value, "default");
}

/** The comment stands behind the first line: behind the value where that is all, else behind the name. */
function settingLines(name: OptionName, value: unknown, place: string): string {
  const [first, ...others] = stringify({ [name]: value }, { lineWidth: 0 })
    .trimEnd()
    .split("\n");
  return `${[`${first}  # ${place}`, ...others].join("\n")}\n`;
}
