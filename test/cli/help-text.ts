import { run } from "../support/program.ts";

/** The commands that a --help shows. */
export const commandsIn = (help: string): readonly string[] =>
  [...(help.split(/^Commands:$/m)[1] ?? "").matchAll(/^ {2}([a-z][\w-]*)/gm)]
    .map(([, name = ""]) => name)
    .filter((name) => name !== "help");

/** The options that a --help shows, by their long names. */
export const flagsIn = (help: string): readonly string[] =>
  [...help.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, flag = ""]) => flag);

/** Each command as it is typed behind "taskrole", as the helps show them, down to the last. */
export async function wordsOfCommands(above: readonly string[] = []): Promise<readonly (readonly string[])[]> {
  const { stdout } = await run([...above, "--help"]);
  const below = commandsIn(stdout).map((name) => [...above, name]);
  const deeper = await Promise.all(below.map((words) => wordsOfCommands(words)));
  return [...below, ...deeper.flat()];
}
