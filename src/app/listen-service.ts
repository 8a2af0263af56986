import type { Log } from "../audit/log.ts";
import { type HttpServer, LISTEN_QUEUE } from "../http/http-server.ts";
import { lengthenListenQueue } from "../kernel/listen-queue.ts";
import type { Config } from "./options.ts";
import type { Service } from "./services.ts";
import type { GivenTcp } from "./socket-activation.ts";
import { StartError } from "./start-error.ts";

/** For those who keep a connection alive to ask once more on it and hear that it ends; whoever connects is served meanwhile. */
const LAST_ORDERS_MS = 200;
/** For what takes longest, a container that the engine does not know yet: whoever else asks is served meanwhile. */
const PATIENCE_MS = 4_000;
/** When nobody new is served any more, for what is still under way: a little more than STS is waited for. */
const GRACE_MS = 450;

/** @param given a socket that systemd holds: it goes on listening when this daemon is gone, and whoever connects waits for the next */
export function listenService(server: HttpServer, { listen, log, given }: ListenWiring): Service {
  return {
    name: "metadata surface",
    async start() {
      await server.listen(given ?? listen).catch((error: unknown) => {
        throw notListening(listen, error);
      });
      const address = server.address();
      const reason = address && (await lengthenListenQueue(address.port, LISTEN_QUEUE));
      if (reason) log.warn({ reason }, "of those who connect at the same moment, only some 500 can wait");
      log.info({ ...(given && { heldBySystemd: true }), address }, "listening");
    },
    async stop() {
      await server.windDown({ keptAliveMs: LAST_ORDERS_MS, answersMs: PATIENCE_MS });
      await server.close({ graceMs: GRACE_MS });
    },
  };
}

export interface ListenWiring extends Pick<Config, "listen"> {
  readonly log: Log;
  readonly given: GivenTcp | undefined;
}

function notListening({ host, port }: Config["listen"], error: unknown): StartError {
  const { code } = error as NodeJS.ErrnoException;
  const place = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return new StartError(`cannot listen on ${place}: ${WHY[code ?? ""] ?? `${code}: see the setting listen`}`, {
    cause: error,
  });
}

const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE:
    "the port is in use. Is taskrole running already? `ss -ltnp` shows who holds it; the setting listen takes another",
  EADDRNOTAVAIL: "this host does not have that address. The setting listen takes one it has, or [::] for all",
  EACCES: "ports below 1024 need root or CAP_NET_BIND_SERVICE. The setting listen takes a higher one",
};
