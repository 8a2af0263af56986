/** Where the parts of an installation lie. */
export interface Places {
  readonly program: string;
  readonly config: string;
  /** The folder of the units. */
  readonly units: string;
  readonly journal: string;
  /** What the service unit gives the daemon: RuntimeDirectory=taskrole. */
  readonly runtime: string;
}

export const PLACES: Places = {
  program: "/usr/local/bin/taskrole",
  config: "/etc/taskrole/config.yaml",
  units: "/etc/systemd/system",
  journal: "/var/lib/taskrole/installed.json",
  runtime: "/run/taskrole",
};

export const SERVICE = "taskrole.service";
export const SOCKET = "taskrole.socket";
export const HOLD = "taskrole-hold.service";
/** In the order they start. */
export const UNITS: readonly string[] = [HOLD, SOCKET, SERVICE];

/** Whom the daemon runs as. */
export const USER = "taskrole";
