import { defaultsOf, type Environment, type Profile } from "./profile.ts";
import { listening, noEffect, OWN_CREDENTIALS, type Reading, setting } from "./reading.ts";
import { type Found, type Meaning, NOTHING_FOUND, translationOf } from "./translation.ts";
import { placeOfVariables, readVariables } from "./variables.ts";

/* https://github.com/lyft/metadataproxy: metadataproxy/settings.py, and run-server.sh, which listens. */

const TOOL = "metadataproxy";
/** Of run-server.sh. (`python wsgi.py`, for its developers, has another.) */
const PORT = 8000;

/** All else is true, "no" and "FALSE" too. */
const FALSE: ReadonlySet<string> = new Set(["False", "false", "0", ""]);
const whenTrue =
  (meaning: Meaning): Reading =>
  (text) =>
    FALSE.has(text) ? {} : meaning;

const REMEDY =
  "a container's address is asked of Docker, on every network that Docker knows. For workloads that Docker does not know, " +
  "give roleMapFile (ROLE_MAPPING_FILE) their addresses; for containers on the host's own network, set hostNetwork: identify";

const noLauncher = noEffect("there is no gunicorn, which it is for");

const VARIABLES: Readonly<Record<string, Reading>> = {
  ...OWN_CREDENTIALS,
  DEFAULT_ROLE: setting("defaultRole"),
  DEFAULT_ACCOUNT_ID: setting("defaultAccountId"),
  AWS_ACCOUNT_MAP: setting("accounts", accountsOf),
  AWS_REGION: setting("region"),
  DOCKER_URL: setting("dockerEndpoint", dockerEndpointOf),
  METADATA_URL: setting("metadataUrl"),
  MOCK_API: whenTrue({
    settings: { mock: true },
    note: "makes up STS as well as the metadata: containers get keys that open nothing in AWS",
  }),
  MOCKED_INSTANCE_ID: setting("mockInstanceId", (id) => `i-${id}`),
  ROLE_MAPPING_FILE: roleMap,
  ROLE_SESSION_KEY: sessionKey,
  DEBUG: whenTrue({ settings: { logLevel: "debug" } }),
  ROLE_REVERSE_LOOKUP: whenTrue({
    mistake: `cannot be had: who may write a host's name in the DNS would choose its role. Unset it: ${REMEDY}`,
  }),
  MESOS_STATE_LOOKUP: whenTrue({ mistake: `cannot be had: Mesos is not asked. Unset it: ${REMEDY}` }),
  HOSTNAME_MATCH_REGEX: noEffect("it belongs to ROLE_REVERSE_LOOKUP"),
  MESOS_STATE_URL: noEffect("it belongs to MESOS_STATE_LOOKUP"),
  MESOS_STATE_TIMEOUT: noEffect("it belongs to MESOS_STATE_LOOKUP"),
  PATCH_ECS_ALLOWED_HOSTS: noEffect("the host's own credentials are those of its instance metadata, on ECS too"),
  ROLE_EXPIRATION_THRESHOLD: noEffect("a session is renewed at half its life, 26 minutes or more before it ends"),
  GUNICORN_CONFIG: noLauncher,
  WORKERS: noLauncher,
  GEVENT_REQUEST_TIMEOUT_MS: noLauncher,
  FORWARDED_ALLOW_IPS: noEffect("who asks is the other end of the connection, never what a header says"),
  LOGGING_CONF_FILE: noEffect("use logLevel and logFormat"),
  RELOAD: noEffect("`taskrole reload` has the daemon read its settings again"),
  RELOAD_EXTRA_FILES: noEffect("`taskrole reload` has the daemon read its settings again"),
};

export const METADATAPROXY: Profile = {
  defaults: defaultsOf(TOOL, PORT),
  isForContainers: true, // the label io.rancher.container.ip
  fromEnvironment: (environment) =>
    translationOf([...readVariables(environment, TOOL, VARIABLES), ...hostAndPort(environment)]),
  fromArguments: (args) => ({
    ...NOTHING_FOUND,
    mistakes: args.slice(0, 1).map((first) => `argument "${first}": ${TOOL} takes variables alone, no arguments`),
  }),
};

/** As its launcher joins them; one that is empty is as if it were not there. */
function hostAndPort({ HOST: host = "", PORT: port = "" }: Environment): readonly Found[] {
  const names = [...(host === "" ? [] : ["HOST"]), ...(port === "" ? [] : ["PORT"])];
  if (names.length === 0) return [];
  const address = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  return [{ place: placeOfVariables(TOOL, names), meaning: listening(`${address}:${port || PORT}`) }];
}

/** Accounts may stand there as numbers. What is no JSON stays as it is, for the setting's own check to say so. */
function accountsOf(text: string): unknown {
  try {
    const map: unknown = JSON.parse(text);
    if (typeof map !== "object" || map === null || Array.isArray(map)) return map;
    return Object.fromEntries(Object.entries(map).map(([name, id]) => [name, typeof id === "number" ? `${id}` : id]));
  } catch {
    return text;
  }
}

function roleMap(text: string): Meaning {
  const note =
    "is for addresses that Docker does not know: a container's role is its own word or the default, never the map's";
  return text === "" ? {} : { settings: { roleMapFile: text }, note };
}

/** docker-py's spelling has two slashes, or a scheme of its own. */
function dockerEndpointOf(text: string): string {
  return text.replace(/^(?:http\+)?unix:\/\/\/?/, "unix:///");
}

/** What begins with neither does nothing there either. */
function sessionKey(text: string): Meaning {
  const [, from, name] = /^(Env|Labels):(.+)$/s.exec(text) ?? [];
  if (name !== undefined) return { settings: { sessionName: `{${from === "Env" ? "env" : "label"}:${name}}` } };
  return text === "" ? {} : { note: `has no effect: it begins with neither "Env:" nor "Labels:"` };
}
