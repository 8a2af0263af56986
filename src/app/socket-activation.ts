import { type ListeningSocket, listeningSocket } from "../kernel/listening-socket.ts";
import type { Config } from "./options.ts";
import { StartError } from "./start-error.ts";

/** Sockets that systemd listens on and hands to each life of the daemon, so that none of its clients is ever refused. */
export interface GivenSockets {
  readonly metadata: GivenTcp | undefined;
  readonly admin: GivenUnix | undefined;
  /** What the operator should know of it. */
  readonly warnings: readonly string[];
}

type Given = ListeningSocket & { readonly fd: number };
export type GivenTcp = Extract<Given, { kind: "tcp" }>;
export type GivenUnix = Extract<Given, { kind: "unix" }>;

export interface ActivationOptions {
  readonly pid: number;
  readonly look?: (fd: number) => ListeningSocket | undefined;
}

type Environment = Record<string, string | undefined>;

const FIRST_FD = 3;
/** The last is systemd's since 259: of no use here, and as wrong for a child. */
const VARIABLES = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"];

type Surface = "metadata" | "admin";
const SURFACE_OF: Readonly<Record<ListeningSocket["kind"], Surface>> = { tcp: "metadata", unix: "admin" };

/**
 * What systemd hands over, if it does; the variables that say so are taken out of the environment, for a program that the
 * daemon runs would take them for its own. Sockets tell what they are for by what they are: TCP is the metadata surface, a
 * unix socket the admin surface. The names "metadata" and "admin" are held to that; any other (systemd's own is the unit's) says nothing.
 *
 * https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
 *
 * @throws StartError for a socket that is of no use
 */
export function takeGivenSockets(environment: Environment, options: ActivationOptions): GivenSockets {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = environment;
  for (const name of VARIABLES) delete environment[name];
  if (LISTEN_FDS === undefined || LISTEN_PID === undefined) return NONE;
  if (LISTEN_PID !== String(options.pid)) return { ...NONE, warnings: [meantForAnother(LISTEN_PID, options.pid)] };
  const names = (LISTEN_FDNAMES ?? "").split(":");
  const sockets = Array.from({ length: countOf(LISTEN_FDS) }, (_, i) =>
    socketAt(FIRST_FD + i, names[i] ?? "", options),
  );
  const metadata = only(
    "metadata",
    sockets.filter((socket) => socket.kind === "tcp"),
  );
  const admin = only(
    "admin",
    sockets.filter((socket) => socket.kind === "unix"),
  );
  return { metadata, admin, warnings: admin && !metadata ? [ADMIN_ALONE] : [] };
}

const NONE: GivenSockets = { metadata: undefined, admin: undefined, warnings: [] };

/** The packet rules lead to the port of the setting, also those that `taskrole interception` makes by hand. */
export function demandSamePort(
  metadata: GivenSockets["metadata"],
  config: Pick<Config, "listen" | "interception">,
): void {
  const { listen, interception } = config;
  if (metadata === undefined || interception === "none" || metadata.port === listen.port) return;
  throw new StartError(
    `systemd's socket listens on port ${metadata.port}, and the packet rules lead to port ${listen.port}, that of the setting ` +
      `listen: set listen to "[::]:${metadata.port}", or ListenStream=${listen.port} in the socket unit`,
  );
}

function socketAt(fd: number, name: string, { look = listeningSocket }: ActivationOptions): Given {
  const socket = look(fd);
  const called = name === "" ? `descriptor ${fd}` : `descriptor ${fd} ("${name}")`;
  if (!socket) throw new StartError(`${called} from systemd is no listening stream socket: ${USE_LISTEN_STREAM}`);
  const surface = SURFACE_OF[socket.kind];
  if ((name === "metadata" || name === "admin") && name !== surface)
    throw new StartError(
      `${called} from systemd is a ${WORDS[socket.kind]}, which is the ${surface} surface: ${USE_LISTEN_STREAM}`,
    );
  return { ...socket, fd };
}

const WORDS: Readonly<Record<ListeningSocket["kind"], string>> = { tcp: "TCP socket", unix: "unix socket" };
const USE_LISTEN_STREAM =
  "in the socket unit, ListenStream=9254 is the metadata surface, ListenStream=/run/taskrole/admin.sock the admin surface, and Accept= stays no";

function only<T>(surface: Surface, sockets: readonly T[]): T | undefined {
  const [first, ...more] = sockets;
  if (more.length === 0) return first;
  throw new StartError(
    `systemd hands over ${more.length + 1} sockets for the ${surface} surface, and there is one: leave one ListenStream= in the ` +
      "socket units ([::]:9254 takes IPv4 as well, with BindIPv6Only=both)",
  );
}

function countOf(text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  throw new StartError(
    `LISTEN_FDS must be a number of sockets; it is ${JSON.stringify(text)}: start taskrole by systemd, or unset it`,
  );
}

const meantForAnother = (pid: string, own: number): string =>
  `LISTEN_PID is ${pid}, and this process is ${own}: systemd's sockets are left alone. A script that starts taskrole must do so by exec`;

const ADMIN_ALONE =
  "systemd hands over the admin socket and none for the metadata surface: containers are refused a connection while taskrole restarts";
