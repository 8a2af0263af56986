import { Command } from "commander";

const AFTER_HELP = `
To read it: taskrole man | man -l -
For everyone: taskrole man >/usr/local/share/man/man8/taskrole.8`;

/** @param whole the program with every command and its options */
export const manCommand = (whole: () => Promise<Command>): Command =>
  new Command("man").addHelpText("after", AFTER_HELP).action(async () => {
    const { runMan } = await import("./run-man.ts");
    process.stdout.write(runMan(await whole()));
  });
