import { environmentOf, flagOf, OPTION_NAMES, OPTIONS, type OptionName, writtenDefault } from "../src/app/options.ts";

const HEAD = `# Configuration

Made from the schema by \`npm run docs\`; do not edit.

A setting is written in the file (\`/etc/taskrole/config.yaml\`, or \`--config FILE\`, or \`TASKROLE_CONFIG\`), in the environment, or as a flag; a flag
beats the environment, which beats the file. Everything is checked before anything starts, and every mistake is said at once, with its
place. \`taskrole check-config\` does just that, and prints each setting with where it came from. What changes with a reload ([operations.md](operations.md)) does so at the next request; the rest waits for a restart.
Under \`compat\` the variables and flags of another tool are read as well: [migrating.md](migrating.md).

| in the file | in the environment | flag | default | what it is | changes with |
|---|---|---|---|---|---|
`;

/** docs/configuration.md, whole. */
export const configurationPage = (): string => `${HEAD}${OPTION_NAMES.map(row).join("\n")}\n`;

const row = (name: OptionName): string => {
  const cells = [name, environmentOf(name), `--${flagOf(name)}`].map((text) => `\`${text}\``);
  return `| ${[...cells, defaultOf(name), OPTIONS[name].help.replaceAll("|", "\\|"), changesWith(name)].join(" | ")} |`;
};

/** The one setting with values of both kinds has its addresses in the packet rules, or not. */
const changesWith = (name: OptionName): string =>
  name === "containerCredentials"
    ? "a reload; to and from off: a restart"
    : OPTIONS[name].needsRestart
      ? "a restart"
      : "a reload";

function defaultOf(name: OptionName): string {
  const value = writtenDefault(name);
  return value === undefined ? "–" : `\`${JSON.stringify(value)}\``;
}
