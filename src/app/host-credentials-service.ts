import { explainRefusal } from "../audit/explain-refusal.ts";
import type { Log } from "../audit/log.ts";
import type { EpochMs } from "../core/credentials.ts";
import { hostCredentials } from "../upstream/host-credentials.ts";
import { type HostCredentialsEvents, HostCredentialsSource } from "../upstream/host-credentials-source.ts";
import type { UpstreamClient } from "../upstream/upstream-client.ts";
import type { Service } from "./services.ts";

const LOOK_EVERY_MS = 5_000;

export interface HostCredentialsPart {
  readonly source: HostCredentialsSource;
  /** Keeps them fresh, whether or not anybody needs them. */
  readonly service: Service;
}

export interface HostCredentialsWiring {
  readonly log: Log;
  readonly upstream: Pick<UpstreamClient, "get">;
  readonly now: () => EpochMs;
}

export function hostCredentialsPart({ log, upstream, now }: HostCredentialsWiring): HostCredentialsPart {
  const read = () => hostCredentials(upstream);
  const source = new HostCredentialsSource({ read, now, random: Math.random, events: hostCredentialsLog(log) });
  return { source, service: freshness(source) };
}

function freshness(source: HostCredentialsSource): Service {
  let timer: NodeJS.Timeout | undefined;
  return {
    name: "the host's own credentials",
    start: () => {
      timer = setInterval(() => void source.keepFresh(), LOOK_EVERY_MS);
      return Promise.resolve();
    },
    stop: () => {
      clearInterval(timer);
      return Promise.resolve();
    },
  };
}

/** Loud, for when the host's own credentials have ended nothing can be renewed any more. */
function hostCredentialsLog(log: Log): HostCredentialsEvents {
  const fields = ({ endsAt, error }: { endsAt: EpochMs | undefined; error: unknown }) => ({
    ...explainRefusal(error),
    ...(endsAt !== undefined && { ends: new Date(endsAt).toISOString() }),
  });
  return {
    lost: (loss) =>
      loss.endsAt === undefined
        ? log.error(fields(loss), "the host's own credentials cannot be read: no session can be issued")
        : log.warn(
            fields(loss),
            "the host's own credentials cannot be renewed; those in hand are used until their end",
          ),
    ending: (loss) => log.error(fields(loss), "the host's own credentials end within minutes and cannot be renewed"),
    ended: (loss) =>
      log.error(fields(loss), "the host's own credentials have ended: sessions cannot be renewed any more"),
    back: (endsAt) => log.info({ ends: new Date(endsAt).toISOString() }, "the host's own credentials are there again"),
  };
}
