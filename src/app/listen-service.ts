import type { Log } from "../audit/log.ts";
import type { HttpServer } from "../http/http-server.ts";
import type { Config } from "./options.ts";
import type { Service } from "./services.ts";
import { StartError } from "./start-error.ts";

/** On SIGTERM what is under way is finished within this time. */
const GRACE_MS = 5_000;

export function listenService(server: HttpServer, { listen }: Pick<Config, "listen">, log: Log): Service {
  return {
    name: "metadata surface",
    async start() {
      await server.listen(listen).catch((error: unknown) => {
        throw notListening(listen, error);
      });
      log.info({ address: server.address() }, "listening");
    },
    stop: () => server.close({ graceMs: GRACE_MS }),
  };
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
