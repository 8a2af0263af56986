import { type CommandLine, readCommandLine } from "./command-line.ts";
import { defaultsOf, type Profile } from "./profile.ts";
import { listening, noEffect, OWN_CREDENTIALS, type Reading, setting } from "./reading.ts";
import { type Meaning, translationOf } from "./translation.ts";
import { readVariables } from "./variables.ts";

/* https://github.com/swipely/iam-docker: src/main.go */

const TOOL = "iam-docker";
const PORT = 8080;

/** As Go reads them: https://pkg.go.dev/strconv#ParseBool */
const TRUE: ReadonlySet<string> = new Set(["1", "t", "T", "true", "TRUE", "True"]);
const FALSE: ReadonlySet<string> = new Set(["0", "f", "F", "false", "FALSE", "False"]);
const whenTrue =
  (meaning: Meaning): Reading =>
  (text) => {
    if (TRUE.has(text)) return meaning;
    return FALSE.has(text) ? {} : { mistake: `must be true or false; it is ${JSON.stringify(text)}` };
  };

/** The container's own role is made here, so it stays. */
const ALL_OF_THE_HOST = ["dynamic", "meta-data", "user-data"];

const ownTimes = noEffect(
  "a request has 5 seconds to come in, and is answered within some 350 ms or told to ask again",
);
const byEvents = noEffect(
  "Docker's events are followed without a queue, and the list is read anew whenever they break off",
);

const COMMAND_LINE: CommandLine = {
  tool: TOOL,
  dash: "-",
  flags: {
    "listen-addr": { kind: "text", reading: listening },
    "meta-data-api": { kind: "text", reading: setting("metadataUrl") },
    "disable-upstream": {
      kind: "switch",
      reading: whenTrue({ settings: { metadataPaths: { deny: ALL_OF_THE_HOST } } }),
    },
    verbose: { kind: "switch", reading: whenTrue({ settings: { logLevel: "debug" } }) },
    "read-timeout": { kind: "text", reading: ownTimes },
    "write-timeout": { kind: "text", reading: ownTimes },
    "event-handlers": { kind: "text", reading: byEvents },
    "queue-size": { kind: "text", reading: byEvents },
    "docker-sync-period": { kind: "text", reading: byEvents },
    "credential-refresh-period": { kind: "text", reading: noEffect("each session is renewed at half its life") },
  },
  word: () => ({ mistake: "is no flag: iam-docker takes flags alone, and a switch its value behind =" }),
};

/** Those of Docker's own client. */
const VARIABLES: Readonly<Record<string, Reading>> = {
  ...OWN_CREDENTIALS,
  DOCKER_HOST: setting("dockerEndpoint"),
  DOCKER_TLS_VERIFY: (text) =>
    text === ""
      ? {}
      : { mistake: "cannot be had: TLS is not spoken. Unset it, and give the unix socket of this host's Docker" },
};

export const IAM_DOCKER: Profile = {
  defaults: defaultsOf(TOOL, PORT),
  isForContainers: true, // the label com.swipely.iam-docker.iam-profile
  fromEnvironment: (environment) => translationOf(readVariables(environment, TOOL, VARIABLES)),
  fromArguments: (args, ownFlags) => readCommandLine(args, COMMAND_LINE, ownFlags),
};
