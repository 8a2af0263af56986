import { Command, InvalidArgumentError, Option } from "commander";
import type { Rules } from "../app/host-network-service.ts";
import type { Notice } from "../app/notice-board.ts";
import { roughAge } from "../core/rough-age.ts";
import { boundAtIn } from "../kernel/binding-note.ts";
import type { ListedBinding } from "../kernel/binding-table.ts";
import type { Interception, InterceptionKind, InterceptionOptions } from "../kernel/interception.ts";
import type { InterceptionPart, InterceptionStatus } from "../kernel/interception-status.ts";
import type { Redirection } from "../kernel/redirection.ts";

interface RuleFlags {
  readonly interception?: InterceptionKind;
  /** Undefined: that of the setting `listen`. */
  readonly port?: number;
  /** False where the flag says so; otherwise the setting decides. */
  readonly containerCredentials: boolean;
  readonly hostNetwork?: string;
  readonly runtimeDirectory?: string;
  readonly config?: string;
}

interface RuleSettings extends Rules {
  readonly kind: InterceptionKind;
  readonly guardedUplinks: readonly string[];
  readonly runtimeDirectory: string;
}
type RuleTask = (interception: Interception, settings: RuleSettings) => Promise<void>;

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

const AFTER_HELP = `
"taskrole serve" does "up" when it starts and mends the rules while it runs; it leaves them in place when it
stops, so that containers are refused instead of reaching the host's role. Reference: docs/interception.md`;

/** `taskrole interception`: the packet rules by hand, for an installation, a look or an uninstall. */
export function interceptionCommand(): Command {
  const command = new Command("interception")
    .description("the packet rules that bring containers here: up, hold, down, status, print")
    .addHelpText("after", AFTER_HELP)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE));
  const withRules = (name: string, description: string): Command =>
    command
      .command(name)
      .description(description)
      .option("--config <FILE>", "the daemon's settings; without it /etc/taskrole/config.yaml, which need not exist")
      .addOption(
        new Option("--interception <how>", "nftables or iptables (default: as the setting interception says)").choices([
          "nftables",
          "iptables",
        ]),
      )
      .option("--port <port>", "where the daemon listens (default: as the setting listen says)", parsePort)
      .option("--no-container-credentials", "leave 169.254.170.2 and .23 alone, as for containerCredentials: off")
      .option("--host-network <HOW>", "refuse, host or identify (default: as the setting hostNetwork says)");

  withRules("up", "put the rules in place, or back in place; needs root").action(up);
  command
    .command("hold")
    .description(
      "the rules that refuse alone: containers reach neither taskrole nor the host's role; for the boot; needs root",
    )
    .option("--config <FILE>", "the daemon's settings; what is wrong in them does not matter here")
    .action(hold);
  command.command("down").description("remove them: containers then reach the host's role; needs root").action(down);
  withRules("status", "what is in place; exit code 1 when something is not; needs root")
    .option("--json", "for programs")
    .option("--runtime-directory <dir>", "of the daemon, for what it has to say (default: as the setting says)")
    .action(status);
  withRules("print", "show the commands that would do the same, without running them").action(print);
  return command;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new InvalidArgumentError("It must be a number from 1 to 65535.");
}

const up = (flags: RuleFlags): Promise<void> =>
  withInterception(flags, async (interception, { port }) => {
    await interception.up();
    const { warnings } = await interception.check();
    say(`In place: what containers ask of the metadata service comes to port ${port} of this host.`);
    warn(warnings);
  });

/** As little as can fail: what cannot be read of the settings is as if it were not written. */
async function hold({ config }: Pick<RuleFlags, "config">): Promise<void> {
  const { readableConfig } = await import("../app/config.ts");
  const { rulesOf } = await import("../app/host-network-service.ts");
  const settings = readableConfig({ file: config, environment: process.env, flags: {} });
  if (settings.interception === "none") return say("Nothing is held: the setting interception is none.");
  await withProgram({ ...rulesOf(settings), kind: settings.interception }, async (interception) => {
    const warnings = await interception.hold();
    say("Held: no container reaches the real metadata service, whether taskrole runs or not.");
    warn(warnings);
  });
}

const AFTER_DOWN = [
  "Containers now reach the real metadata service, and with it the host's role, unless something else stops them: aws " +
    "ec2 modify-instance-metadata-options --instance-id ID --http-tokens required --http-put-response-hop-limit 1",
  "A taskrole that is still running puts the rules back within seconds: stop it first.",
];

/** Whatever the settings are, or were: all of it goes. */
const down = (): Promise<void> =>
  withProgram({ port: ANY_PORT }, async (interception) => {
    const removed = await interception.down();
    say(removed.length === 0 ? "There was nothing to remove." : `Removed:\n${indented(removed)}`);
    warn(AFTER_DOWN);
  });
const ANY_PORT = 1;

const status = ({ json, ...flags }: RuleFlags & { readonly json?: true }): Promise<void> =>
  withInterception(flags, async (interception, { runtimeDirectory }) => {
    const { readNotices } = await import("../app/notice-board.ts");
    const [found, notices] = [await interception.check(), readNotices(runtimeDirectory)];
    say(
      json ? JSON.stringify({ ...found, notices }, null, 2) : [statusText(found), ...noticeLines(notices)].join("\n"),
    );
    if (!found.isInPlace) process.exitCode = EXIT_FAILED;
  });

const noticeLines = (notices: readonly Notice[]): readonly string[] =>
  notices.length === 0
    ? []
    : [
        "",
        "Containers that cannot reach the metadata service:",
        ...notices.map(({ about, reason, remedy, since }) => `  ${about}, since ${since}: ${reason}; ${remedy}`),
      ];

function statusText({ isInPlace, parts, bindings, counters, warnings }: InterceptionStatus): string {
  const verdict = isInPlace
    ? "Everything is in place."
    : "Not everything is in place: run `taskrole interception up` as root, with the flags that suit the daemon. " +
      "A running daemon does it by itself.";
  const packets = counters.map(({ rule, packets }) => `${String(packets).padStart(8)}  ${rule}`);
  return [
    ...parts.map(partLine),
    ...(packets.length === 0 ? [] : ["", "Packets since the rules were loaded:", ...packets]),
    ...(bindings.length === 0
      ? []
      : ["", "Addresses that count on one port of a bridge alone:", ...bindings.map(bindingLine)]),
    "",
    verdict,
    ...warnings.map((warning) => `Warning: ${warning}`),
  ].join("\n");
}

function bindingLine({ address, veth, macAddress, note }: ListedBinding): string {
  const boundAt = boundAtIn(note);
  const age = boundAt === undefined ? "" : `, ${roughAge(Date.now() - boundAt)}`;
  return `  ${address.padEnd(15)}  ${veth.padEnd(15)}  ${macAddress}  ${note}${age}`;
}

const partLine = ({ name, state, differences }: InterceptionPart): string =>
  [`${(state === "present" ? state : state.toUpperCase()).padEnd(8)}  ${name}`, ...differences].join("\n            ");

async function print(flags: RuleFlags): Promise<void> {
  const { additionArgv, ipRules } = await import("../kernel/ip-rules.ts");
  const { hostProcesses, kind, port, addresses } = await settingsOf(flags);
  const to = { port, addresses };
  const rules = [...ipRules("ipv4", to.addresses), ...ipRules("ipv6", to.addresses)].map((rule) =>
    additionArgv(rule).join(" "),
  );
  say(`\
# Only the host itself may reach the real metadata service, even when the rules below are lost.
${rules.join("\n")}

${kind === "nftables" ? cgroupCommands(hostProcesses.missingCgroups()) : ""}# What containers ask of it comes to port ${to.port} of this host: ${await (kind === "iptables" ? iptablesCommands(to) : nftCommand({ ...to, ofThisHost: hostProcesses.meant() }))}`);
}

/** nft takes no rule that names a cgroup which is not there, and a rule knows it by its inode, which is not known before. */
const cgroupCommands = (missing: readonly string[]): string =>
  missing.length === 0
    ? ""
    : `\
# Of containers on the host's network, which no engine has started here yet: make these first, then print again, for
# what is below can name only cgroups that are there.
${missing.map((folder) => `mkdir ${folder}`).join("\n")}

`;

async function nftCommand(to: Redirection): Promise<string> {
  const { interceptionTable } = await import("../kernel/interception-table.ts");
  const { rulesetTexts } = await import("../kernel/nft-table.ts");
  return `one transaction, to be repeated at will.
nft -f - <<'END'
${rulesetTexts([interceptionTable(to)]).join("")}END`;
}

async function iptablesCommands(to: Redirection): Promise<string> {
  const { iptablesTables, replacementText, restoringArgv } = await import("../kernel/iptables-rules.ts");
  const commands = (["ipv4", "ipv6"] as const).map((family) => {
    const tables = iptablesTables({ family, ...to, bound: undefined });
    return `${restoringArgv(family).join(" ")} <<'END'\n${tables.map((table) => replacementText(table, [])).join("")}END`;
  });
  return `a transaction a table, for a host where they are not yet.\n${commands.join("\n")}`;
}

/** As `serve` would read them, with what these commands' own flags say in their place. */
async function settingsOf({ port, containerCredentials, config, ...given }: RuleFlags): Promise<RuleSettings> {
  const { configOrExit } = await import("./config-or-exit.ts");
  const { rulesOf } = await import("../app/host-network-service.ts");
  const flags = { ...given, ...(!containerCredentials && { containerCredentials: "off" }) };
  const settings = configOrExit({ file: config, environment: process.env, flags });
  const { interception, runtimeDirectory, guardedUplinks } = settings;
  const rules = rulesOf(settings);
  return {
    ...rules,
    port: port ?? rules.port,
    kind: interception === "none" ? "nftables" : interception,
    guardedUplinks,
    runtimeDirectory,
  };
}

async function withInterception(flags: RuleFlags, task: RuleTask): Promise<void> {
  const settings = await settingsOf(flags);
  await withProgram(settings, (interception) => task(interception, settings));
}

/** The only failures expected of these commands are the operator's to mend. */
async function withProgram(options: InterceptionOptions, task: (made: Interception) => Promise<void>): Promise<void> {
  const { Interception } = await import("../kernel/interception.ts");
  const { InterceptionError } = await import("../kernel/interception-error.ts");
  try {
    await task(new Interception(options));
  } catch (error) {
    if (!(error instanceof InterceptionError)) throw error;
    warn([error.message, error.remedy]);
    process.exitCode = EXIT_FAILED;
  }
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const warn = (sentences: readonly string[]): void =>
  sentences.forEach((sentence) => void process.stderr.write(`taskrole: ${sentence}\n`));
const indented = (lines: readonly string[]): string => lines.map((line) => `  ${line}`).join("\n");
