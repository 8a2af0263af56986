import type { Command } from "commander";
import { type ConfigSources, readableConfig } from "../app/config.ts";
import { environmentOf } from "../app/options.ts";

const VARIABLE = environmentOf("compat");

/** Named for this start, and not by the file that is read at every start. */
export const isToolNamed = ({ environment, flags }: ConfigSources): boolean =>
  environment[VARIABLE] !== undefined || flags["compat"] !== undefined;

/**
 * Leaves what is not taskrole's to the tool that --compat or its variable names. Without either a flag that is not there is a
 * mistake, as ever: the file alone does not say whose the arguments are.
 */
export function withToolFlags(command: Command): Command {
  const leaveToTool = (): void => void command.allowUnknownOption().allowExcessArguments();
  if (process.env[VARIABLE] !== undefined) leaveToTool();
  command.on("option:compat", leaveToTool); // heard before anything is judged unknown
  return command.configureOutput({
    outputError: (text, write) => write(`${text}${hint(command)}`),
  });
}

function hint(command: Command): string {
  const { config } = command.opts<{ config?: string }>();
  const { compat } = readableConfig({ file: config, environment: process.env, flags: {} });
  return compat === undefined
    ? ""
    : `(the file says compat: ${compat}. For its flags to be read, give --compat ${compat} on the command line too)\n`;
}
