import { Command, type CommanderError } from "commander";
import manifest from "../../package.json" with { type: "json" };
import { version } from "./version.ts";

interface Entry {
  readonly name: string;
  readonly summary: string;
  /** Not for people: left out of --help. */
  readonly hidden?: boolean;
  /** Loads the command's own module: nothing of another command is read to run this one. */
  readonly load: () => Promise<Command>;
}

const COMMANDS: readonly Entry[] = [
  {
    name: "serve",
    summary: "run the daemon in the foreground",
    load: async () => (await import("./serve.ts")).serveCommand(),
  },
  {
    name: "reload",
    summary: "have the running daemon read its settings again, without dropping anything",
    load: async () => (await import("./reload.ts")).reloadCommand(),
  },
  {
    name: "health",
    summary: "whether the running daemon serves containers: exit code 0 or 1, for health checks",
    load: async () => (await import("./health.ts")).healthCommand(),
  },
  {
    name: "demo",
    summary: "a whole EC2 host on loopback: see what taskrole does, without AWS, root or Docker",
    load: async () => (await import("./demo.ts")).demoCommand(),
  },
  {
    name: "mock-ec2",
    summary: "a stand-in for EC2's metadata service and STS, to test containers with",
    load: async () => (await import("./mock-ec2.ts")).mockEc2Command(),
  },
  {
    name: "interception",
    summary: "the packet rules that bring containers here: up, hold, down, status, print",
    load: async () => (await import("./interception.ts")).interceptionCommand(),
  },
  {
    name: "check-config",
    summary: "the file, the environment and the flags, merged and checked",
    load: async () => (await import("./check-config.ts")).checkConfigCommand(),
  },
  {
    name: "iam",
    summary: "the policies that AWS needs for a configuration: the host's and the roles', ready to paste",
    load: async () => (await import("./iam.ts")).iamCommand(),
  },
  {
    name: "smoke",
    summary: "try this host with throw-away containers, and print a report",
    load: async () => (await import("./smoke.ts")).smokeCommand(),
  },
  {
    name: "install",
    summary: "taskrole as a service of this host, with systemd; every check before the first change",
    load: async () => (await import("./install.ts")).installCommand(),
  },
  {
    name: "uninstall",
    summary: "take back what install did, and nothing else",
    load: async () => (await import("./install.ts")).uninstallCommand(),
  },
  {
    name: "completion",
    summary: "a script by which bash, zsh or fish completes the words of this command",
    load: async () => (await import("./completion.ts")).completionCommand(wholeProgram),
  },
  {
    name: "man",
    summary: "the manual page",
    load: async () => (await import("./man.ts")).manCommand(wholeProgram),
  },
  {
    name: "demo-workload",
    summary: "what runs in each of the demo's workloads",
    hidden: true,
    load: async () => (await import("./demo-workload.ts")).demoWorkloadCommand(),
  },
  {
    name: "smoke-probe",
    summary: "what runs in each container of a smoke test",
    hidden: true,
    load: async () => (await import("./smoke-probe.ts")).smokeProbeCommand(),
  },
];

const EXIT_USAGE = 2;

async function main(args: readonly string[]): Promise<void> {
  const asked = args[0] === "help" ? args[1] : args[0];
  const program = await programWith((name) => name === asked);
  exitWithUsageCode(program);
  await program.parseAsync([...args], { from: "user" });
}

/** For what tells of every command: each with its options. */
const wholeProgram = (): Promise<Command> => programWith(() => true);

async function programWith(isWhole: (name: string) => boolean): Promise<Command> {
  const program = new Command("taskrole")
    .description(manifest.description)
    .version(version(), "-V, --version", "the version, the commit and the runtime")
    .helpOption("-h, --help", "this help; `taskrole COMMAND --help` for a command's own")
    .showHelpAfterError("(try taskrole --help)");
  for (const entry of COMMANDS) {
    program.addCommand(await commandFor(entry, isWhole(entry.name)), { hidden: entry.hidden === true });
  }
  return program;
}

/** Whole, or only what the overview shows of it. */
const commandFor = async ({ name, summary, load }: Entry, isWhole: boolean): Promise<Command> =>
  isWhole ? (await load()).description(summary) : new Command(name).description(summary);

/** A wrong word on the command line is 2, as in every other tool; help and version that were asked for are 0. */
function exitWithUsageCode(command: Command): void {
  command.exitOverride((error: CommanderError) => process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE));
  for (const child of command.commands) exitWithUsageCode(child);
}

// `taskrole … | head`: whoever reads has seen enough. (The daemon's log is written another way.)
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

await main(process.argv.slice(2));
