import { adminService } from "../app/admin-service.ts";
import { compose } from "../app/compose.ts";
import { type ConfigSources, loadConfig } from "../app/config.ts";
import { keepMemoryOutOfCoreFiles } from "../app/core-dump.ts";
import { createLogger, type Logger } from "../app/logger.ts";
import { withMock } from "../app/mock.ts";
import type { Config } from "../app/options.ts";
import { Reloader, type ReloadOutcome } from "../app/reload.ts";
import { startAll } from "../app/services.ts";
import { takeGivenSockets } from "../app/socket-activation.ts";
import { StartError } from "../app/start-error.ts";
import { type ServiceManager, takeServiceManager } from "../app/systemd-notify.ts";
import type { Log } from "../audit/log.ts";
import { loadedOrExit } from "./config-or-exit.ts";

const EXIT_FAILED = 1;

/** Until a signal says stop. Exits 2 for a wrong configuration, 1 for a start that cannot go on. */
export async function runServe(sources: ConfigSources): Promise<void> {
  const { config, notes } = loadedOrExit(sources);
  const logger = await createLogger(config);
  const { log, flush } = logger;
  const exit = async (code: number): Promise<never> => {
    await flush();
    process.exit(code);
  };
  reportBugs(log, exit);
  for (const { place, says } of notes) log.warn({ place, reason: says }, `not as ${config.compat} has it`);
  guardCoreFiles(log);
  const manager = await takeServiceManager(process.env, { pid: process.pid, log });
  try {
    const stopAsked = stopSignal(log); // heard from the first moment: a signal during the start ends it in order too
    const up = Promise.withResolvers<Reloader>();
    const reload = async () => reloaded(await up.promise, manager);
    process.on("SIGHUP", () => void reload()); // without it the signal would end the process
    const stop = await started({ sources, config, logger, up, reload });
    void manager.tell("READY=1", SERVING);
    manager.keepAlive();
    await stopAsked;
    await manager.tell("STOPPING=1", "STATUS=answering what is under way");
    await stop();
    log.info({}, STOPPED[config.interception]);
    await exit(0);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    log.error({ reason: error.message }, "cannot start");
    await manager.tell(`STATUS=cannot start: ${error.message.split("\n")[0]}`);
    process.stderr.write(`taskrole: ${error.message}\n`);
    await exit(EXIT_FAILED);
  }
}

const STAYS = "stopped; the interception stays, so containers are refused a connection until taskrole runs again";
const STOPPED: Readonly<Record<Config["interception"], string>> = {
  nftables: STAYS,
  iptables: STAYS,
  none: "stopped; what routes the containers' requests here is not taskrole's, and stays as it is",
};

const SERVING = "STATUS=each container has its own role";

function reloaded(reloader: Reloader, manager: ServiceManager): ReloadOutcome {
  void manager.tell("RELOADING=1");
  try {
    return reloader.reload();
  } finally {
    void manager.tell("READY=1", SERVING);
  }
}

interface Starting {
  readonly sources: ConfigSources;
  readonly config: Config;
  readonly logger: Logger;
  /** What is to be reloaded before all is up waits until it is. */
  readonly up: PromiseWithResolvers<Reloader>;
  readonly reload: () => Promise<ReloadOutcome>;
}

async function started({ sources, config, logger, up, reload }: Starting): Promise<() => Promise<void>> {
  const { log, setLevel } = logger;
  const sockets = takeGivenSockets(process.env, { pid: process.pid });
  for (const reason of sockets.warnings) log.warn({ reason }, "socket activation");
  const mock = await withMock(config, log);
  const daemon = compose(mock.redirect(config), log, { sockets });
  const apply = (next: Config): void => {
    setLevel(next.logLevel);
    daemon.apply(mock.redirect(next));
  };
  const reloader = new Reloader({ load: () => loadConfig({ ...sources, startedWith: config }), config, apply, log });
  let isServing = false;
  const admin = adminService({ settings: config, log, given: sockets.admin, reload, isServing: () => isServing });
  const stop = await startAll([admin, ...mock.services, ...daemon.services]);
  isServing = true;
  up.resolve(reloader);
  return () => {
    isServing = false;
    return stop();
  };
}

/** The second signal ends at once what the first asked to end well. */
function stopSignal(log: Log): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.once(signal, () => {
        log.info({ signal }, "stopping");
        resolve();
      });
    }
  });
}

/** Nothing that escapes is survived: a daemon in an unknown state is worse than one that systemd starts anew. */
function reportBugs(log: Log, exit: (code: number) => Promise<never>): void {
  process.on("uncaughtException", (error) => {
    log.error({ err: error }, "a bug of taskrole; it stops");
    void exit(EXIT_FAILED);
  });
}

function guardCoreFiles(log: Log): void {
  const reason = keepMemoryOutOfCoreFiles();
  const remedy = "limit the size of core files to 0 (LimitCORE=0 in the unit)";
  if (reason !== undefined) log.warn({ reason, remedy }, "a core file of taskrole would hold keys and tokens");
}
