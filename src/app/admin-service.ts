import { join } from "node:path";
import { type AdminAnswer, type AdminRoute, AdminServer } from "../admin/admin-server.ts";
import { giveToGroupOf, isTooLong, occupantOf, removeStale } from "../admin/socket-file.ts";
import type { Log } from "../audit/log.ts";
import type { Config } from "./options.ts";
import type { ReloadOutcome } from "./reload.ts";
import type { Service } from "./services.ts";
import type { GivenUnix } from "./socket-activation.ts";
import { StartError } from "./start-error.ts";

type Settings = Pick<Config, "adminSocket" | "runtimeDirectory">;

/** Beside what else each daemon keeps of its own, so that two with directories of their own do not meet. */
export const adminSocketOf = ({ adminSocket, runtimeDirectory }: Settings): string =>
  adminSocket ?? join(runtimeDirectory, "admin.sock");

export const RELOAD = { method: "POST", path: "/v1/reload" } as const;
/** 200 while containers are served, 503 before and after. */
export const HEALTH = { method: "GET", path: "/v1/health" } as const;

export interface AdminWiring {
  readonly settings: Settings;
  readonly log: Log;
  readonly given: GivenUnix | undefined;
  readonly reload: () => Promise<ReloadOutcome>;
  /** True from when all has started until it is to stop. */
  readonly isServing: () => boolean;
}

/** The first to start: whoever is the second daemon of a host finds that out before it touches anything. */
export function adminService({ settings, log, given, reload, isServing }: AdminWiring): Service {
  const routes: readonly AdminRoute[] = [
    { ...RELOAD, answer: async () => reloadAnswer(await reload()) },
    { ...HEALTH, answer: () => healthAnswer(isServing()) },
  ];
  const onError = (err: unknown): void => log.error({ err }, "a request of the operator's ended in a bug of taskrole");
  const server = new AdminServer({ routes, onError });
  let isUp = false;
  return {
    name: "admin surface",
    async start() {
      isUp = given ? await server.listen({ fd: given.fd }).then(() => true) : await listenAt(server, settings, log);
    },
    stop: async () => void (isUp && (await server.close())),
  };
}

const healthAnswer = (isServing: boolean): AdminAnswer => ({ status: isServing ? 200 : 503, body: { isServing } });

function reloadAnswer(outcome: ReloadOutcome): AdminAnswer {
  if (outcome.kind === "refused") return { status: 422, body: { problems: outcome.problems } };
  const { kind: _, ...changes } = outcome;
  return { status: 200, body: changes };
}

/** Without it containers are served all the same, so what it lacks is a warning. @returns whether it listens */
async function listenAt(server: AdminServer, settings: Settings, log: Log): Promise<boolean> {
  const path = adminSocketOf(settings);
  const reason = await whyNot(path);
  if (reason === undefined) {
    const error = await server.listen({ path }).catch((failure: NodeJS.ErrnoException) => failure);
    if (error === undefined) giveToGroupOf(settings.runtimeDirectory, path);
    else log.warn({ reason: `${path} cannot be made (${error.code})`, remedy: MAKE_ROOM }, NO_ADMIN);
    return error === undefined;
  }
  log.warn({ reason, remedy: MAKE_ROOM }, NO_ADMIN);
  return false;
}

const NO_ADMIN =
  "there is no admin socket: `taskrole reload` and `taskrole health` do not reach this daemon, SIGHUP does";
const MAKE_ROOM = "make the runtimeDirectory writable, or set adminSocket to a path that can be made";

/** @returns undefined where the socket can be made, perhaps after a killed daemon's was taken away @throws StartError */
async function whyNot(path: string): Promise<string | undefined> {
  if (isTooLong(path)) return `${path} is longer than a unix socket's path may be`;
  const occupant = await occupantOf(path);
  if (occupant === "in-use") throw new StartError(`another taskrole answers at ${path}: ${ONE_AT_A_TIME}`);
  if (occupant === "other") return `${path} is there, and no socket`;
  if (occupant === "stale") removeStale(path);
  return undefined;
}

const ONE_AT_A_TIME =
  "stop it first (systemctl stop taskrole), or give this one a runtimeDirectory of its own; `taskrole reload` changes a running one's settings";
