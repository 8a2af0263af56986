import type { Log } from "../audit/log.ts";
import { type EngineNetworks, MappedWorkloads } from "../broker/mapped-workloads.ts";
import type { Binding, WorkloadResolver } from "../broker/workload-resolver.ts";
import { FileChanges } from "./file-changes.ts";
import { type RoleMapReading, readRoleMapFile } from "./role-map-file.ts";
import type { Service } from "./services.ts";
import { StartError } from "./start-error.ts";

export interface RoleMapPart {
  readonly resolver: WorkloadResolver;
  readonly service: Service;
  /** Reads the file again, whether or not it looks another. */
  readonly apply: () => void;
  onBinding(listener: RoleMapListener): void;
}

export interface RoleMapListener {
  began(binding: Binding): void;
  ended(binding: Binding): void;
  letGo(binding: Binding): void;
}

interface RoleMapWiring {
  readonly log: Log;
  readonly networks: EngineNetworks;
  /** The setting. */
  readonly compat: string | undefined;
}

/** Looked at rather than watched: of a file that is replaced, or a link to another, nothing tells that works everywhere. */
const LOOK_EVERY_MS = 1_000;

/** The file of addresses and roles. When it changes it is read again, as a whole or not at all. */
export function roleMapService(path: string, { log, networks, compat }: RoleMapWiring): RoleMapPart {
  let listener: RoleMapListener = { began: () => {}, ended: () => {}, letGo: () => {} };
  let timer: NodeJS.Timeout | undefined;
  const workloads = new MappedWorkloads({
    networks,
    onBegan: (binding) => listener.began(binding),
    onEnded: (binding) => listener.ended(binding),
    onLetGo: (binding) => listener.letGo(binding),
  });
  const take = (reading: RoleMapReading): void => {
    if (reading.kind === "map") {
      workloads.replace(reading.map);
      log.info({ roleMapFile: path, entries: reading.subnets.length }, "the role map is read");
    } else log.error({ roleMapFile: path, problems: reading.mistakes }, KEPT);
  };
  const read = (): RoleMapReading => readRoleMapFile(path, compat);
  const changes = new FileChanges(path);
  return {
    resolver: workloads,
    onBinding: (given) => {
      listener = given;
    },
    apply: () => take(read()),
    service: {
      name: "role map",
      start: async () => {
        const first = read();
        if (first.kind === "mistakes") throw new StartError(first.mistakes.join("; "));
        take(first);
        timer = setInterval(() => changes.hasSettled() && take(read()), LOOK_EVERY_MS);
      },
      stop: async () => clearInterval(timer),
    },
  };
}

const KEPT = "the role map is wrong, and the one in force stays";
