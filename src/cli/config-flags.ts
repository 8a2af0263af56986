import { type Command, Option } from "commander";
import { type ConfigSources, DEFAULT_CONFIG_FILE } from "../app/config.ts";
import { environmentOf, flagOf, OPTION_NAMES, OPTIONS, writtenDefault } from "../app/options.ts";

/** Every setting as a flag, from the one schema. */
export function withConfigFlags(command: Command): Command {
  command.option("--config <FILE>", `settings in YAML (default: ${DEFAULT_CONFIG_FILE}, which need not exist)`);
  for (const name of OPTION_NAMES) {
    const { help, ...option } = OPTIONS[name];
    const argument = "argument" in option ? ` <${option.argument}>` : "";
    command.addOption(new Option(`--${flagOf(name)}${argument}`, `${help}${defaultText(name)}`));
  }
  return command.addHelpText(
    "after",
    `\nEach is a setting of the file (in camel case: ${OPTION_NAMES[0]}, metadataUrl, …) and of the environment
(${environmentOf("listen")}, ${environmentOf("metadataUrl")}, …) as well. A flag beats the environment, which beats the file.`,
  );
}

function defaultText(name: (typeof OPTION_NAMES)[number]): string {
  const value = writtenDefault(name);
  if (value === undefined || typeof value === "boolean") return "";
  return ` (default: ${JSON.stringify(value)})`;
}

/** What was written where, ready for loadConfig. @param toolArguments what is not taskrole's */
export function configSources(
  { config, ...flags }: Readonly<Record<string, unknown>>,
  toolArguments: readonly string[],
): ConfigSources {
  return { file: config as string | undefined, environment: process.env, flags, toolArguments };
}
