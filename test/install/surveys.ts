import { loadConfig } from "../../src/app/config.ts";
import { EMPTY, type Journal } from "../../src/install/journal.ts";
import { PLACES, UNITS } from "../../src/install/places.ts";
import type { Survey, Wishes } from "../../src/install/survey.ts";

/** A host on which all is well and nothing is installed. */
export const FIT: Survey = {
  isRoot: true,
  executable: "/root/taskrole",
  systemd: "252",
  missingPrograms: [],
  interception: { kind: "works", warnings: [] },
  nft: "1.0.6",
  docker: { kind: "socket", path: "/var/run/docker.sock", group: "docker" },
  unnamedCgroup: undefined,
  foreign: { droppingChains: [], redirects: [] },
  isPortTaken: false,
  instanceId: "i-0123456789abcdef0",
  answerHops: "no further",
  hasUser: false,
  login: undefined,
  hasGroupAlone: false,
  hasConfigFolder: false,
  hasDropInFolder: false,
  files: {},
  unwritable: [],
  obstacles: [],
  units: {},
  isDaemonOutdated: false,
  journal: undefined,
};

export const RUNNING: Survey["units"] = Object.fromEntries(
  UNITS.map((unit) => [unit, { isEnabled: true, isActive: true, needsReload: false }]),
);

export const wishes = (flags: Readonly<Record<string, unknown>> = {}, settings?: string): Wishes => ({
  config: loadConfig({ file: "/dev/null", environment: {}, flags }),
  settings,
});

/** As an installation left it that wrote these files. */
export const journalOf = (files: Readonly<Record<string, string>>, isComplete = true): Journal => ({
  ...EMPTY,
  isComplete,
  entries: [
    { kind: "user", name: "taskrole" },
    ...Object.entries(files).map(([path, sha256]) => ({ kind: "file" as const, path, sha256 })),
    { kind: "units", names: [...UNITS] },
  ],
});

export const unitPath = (unit: string): string => `${PLACES.units}/${unit}`;
