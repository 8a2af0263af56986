import { type CommandLine, readCommandLine } from "./command-line.ts";
import { defaultsOf, type Profile } from "./profile.ts";
import { listening, noEffect, OWN_CREDENTIALS, setting } from "./reading.ts";
import { type Meaning, translationOf } from "./translation.ts";
import { readVariables } from "./variables.ts";

/* https://github.com/dump247/ec2metaproxy: its flags, and those of its scripts run-docker.sh and setup-firewall.sh. */

const TOOL = "ec2metaproxy";
const PORT = 18_000;

const noContainer = noEffect("no container is started: run taskrole on the host, or in a container of your own");
const everyBridge = noEffect("what the containers of every network ask of the metadata service comes here");
const everyService = noEffect("it is always 169.254.169.254, port 80, and fd00:ec2::254 that come here");

const COMMAND_LINE: CommandLine = {
  tool: TOOL,
  dash: "--",
  flags: {
    "default-iam-role": { kind: "text", short: "r", reading: setting("defaultRole") },
    "default-iam-policy": { kind: "text", reading: setting("defaultPolicy") },
    server: { kind: "text", short: "s", reading: listening },
    "metadata-url": { kind: "text", reading: setting("metadataUrl") },
    "docker-endpoint": { kind: "text", reading: setting("dockerEndpoint") },
    "flynn-endpoint": { kind: "text", reading: noEffect("Flynn is not asked") },
    verbose: { kind: "switch", reading: () => ({ settings: { logLevel: "debug" } }) },
    "no-verbose": { kind: "switch", reading: () => ({}) },
    "proxy-port": { kind: "text", reading: setting("listen", (port) => `[::]:${port}`) },
    image: { kind: "text", reading: noContainer },
    "container-name": { kind: "text", reading: noContainer },
    "proxy-iface": { kind: "text", reading: everyBridge },
    "container-iface": { kind: "text", reading: everyBridge },
    "metadata-ip": { kind: "text", reading: everyService },
    "metadata-port": { kind: "text", reading: everyService },
  },
  word: (word) => WORDS[word] ?? { mistake: "is no word of ec2metaproxy's: it has the subcommand docker" },
};

const WORDS: Readonly<Record<string, Meaning>> = {
  docker: {},
  flynn: {
    mistake:
      "cannot be had: Flynn is not asked, only Docker or what speaks its API. Write docker instead, or give roleMapFile the " +
      "addresses of the jobs",
  },
};

export const EC2METAPROXY: Profile = {
  defaults: defaultsOf(TOOL, PORT),
  isForContainers: false, // IAM_ROLE and IAM_POLICY are taskrole's own too
  fromEnvironment: (environment) => translationOf(readVariables(environment, TOOL, OWN_CREDENTIALS)),
  fromArguments: (args, ownFlags) => readCommandLine(args, COMMAND_LINE, ownFlags),
};
