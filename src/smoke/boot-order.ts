/** A unit as `systemctl show` tells of it. */
export interface UnitFacts {
  readonly id: string;
  readonly isLoaded: boolean;
  /** "enabled", "disabled", "transient", …: systemctl(1), is-enabled. */
  readonly fileState: string;
  /** Units that it is started before. */
  readonly before: readonly string[];
  /** When this start of it began and when it was done, in microseconds since the boot; 0: not since then. */
  readonly startedAt: number;
  readonly activeAt: number;
  /** How often systemd started it again by itself; 0 also where that is not counted: in targets, before systemd 235. */
  readonly restarts: number;
}

/** How this host starts, as systemd knows it; undefined where it does not run systemd. */
export type BootFacts = readonly UnitFacts[] | undefined;

export const SERVICE_UNIT = "taskrole.service";
export const DOCKER_UNIT = "docker.service";
/** What a boot comes to: not reached before Docker was started, where Docker starts with the host. */
export const BOOT_UNIT = "multi-user.target";
/** Those that put the packet rules in; what a socket unit alone brings up is a listening port, which no packet is led to. */
const OWN_UNITS = [SERVICE_UNIT, "taskrole-hold.service", "taskrole-guard.service"];

const PROPERTIES =
  "Id,LoadState,UnitFileState,Before,InactiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic,NRestarts";

export const SYSTEMCTL_SHOW = [
  "systemctl",
  "show",
  `--property=${PROPERTIES}`,
  "--",
  ...OWN_UNITS,
  DOCKER_UNIT,
  BOOT_UNIT,
];

/** "Id=taskrole.service\nLoadState=loaded\n…", an empty line between two units. */
export function parseUnits(text: string): readonly UnitFacts[] {
  return text
    .trim()
    .split(/\n{2,}/)
    .map((block) => unitOf(new Map(block.split("\n").map(property))));
}

/** "Before=a.service b.target" */
function property(line: string): readonly [string, string] {
  const at = line.indexOf("=");
  return [line.slice(0, at), line.slice(at + 1)];
}

function unitOf(properties: ReadonlyMap<string, string>): UnitFacts {
  const value = (name: string): string => properties.get(name) ?? "";
  return {
    id: value("Id"),
    isLoaded: value("LoadState") === "loaded",
    fileState: value("UnitFileState"),
    before: value("Before").split(" ").filter(Boolean),
    startedAt: Number(value("InactiveExitTimestampMonotonic")),
    activeAt: Number(value("ActiveEnterTimestampMonotonic")),
    restarts: Number(value("NRestarts")),
  };
}
