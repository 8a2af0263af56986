import { compose } from "../app/compose.ts";
import type { ConfigSources } from "../app/config.ts";
import { keepMemoryOutOfCoreFiles } from "../app/core-dump.ts";
import { createLogger } from "../app/logger.ts";
import { withMock } from "../app/mock.ts";
import type { Config } from "../app/options.ts";
import { startAll } from "../app/services.ts";
import { type GivenSockets, takeGivenSockets } from "../app/socket-activation.ts";
import { StartError } from "../app/start-error.ts";
import type { Log } from "../audit/log.ts";
import { configOrExit } from "./config-or-exit.ts";

const EXIT_FAILED = 1;

/** Until a signal says stop. Exits 2 for a wrong configuration, 1 for a start that cannot go on. */
export async function runServe(sources: ConfigSources): Promise<void> {
  const config = configOrExit(sources);
  const { log, flush } = await createLogger(config);
  const exit = async (code: number): Promise<never> => {
    await flush();
    process.exit(code);
  };
  reportBugs(log, exit);
  guardCoreFiles(log);
  try {
    const stopAsked = stopSignal(log); // heard from the first moment: a signal during the start ends it in order too
    const sockets = takeGivenSockets(process.env, { pid: process.pid });
    for (const reason of sockets.warnings) log.warn({ reason }, "socket activation");
    const stop = await started(config, log, sockets);
    await stopAsked;
    await stop();
    log.info({}, STOPPED[config.interception]);
    await exit(0);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    log.error({ reason: error.message }, "cannot start");
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

async function started(config: Config, log: Log, sockets: GivenSockets): Promise<() => Promise<void>> {
  const mocked = await withMock(config, log);
  return startAll([...mocked.services, ...compose(mocked.config, log, { sockets }).services]);
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
