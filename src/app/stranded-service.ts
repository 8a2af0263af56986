import type { Log } from "../audit/log.ts";
import { RepeatGate } from "../audit/repeat-gate.ts";
import { utcSeconds } from "../core/utc-seconds.ts";
import type { Engine } from "../docker/engine.ts";
import type { EventStreamListener } from "../docker/event-stream.ts";
import { type StrandedContainer, StrandedContainers } from "../docker/stranded-containers.ts";
import { METADATA_ADDRESSES } from "../kernel/intercepted-address.ts";
import { watchProcess } from "../kernel/process-watch.ts";
import { hasWayOut } from "../kernel/way-out.ts";
import { sleep } from "../kit/sleep.ts";
import { NoticeBoard } from "./notice-board.ts";
import type { Config } from "./options.ts";
import type { Service } from "./services.ts";

export interface StrandedPart {
  readonly listener: EventStreamListener;
  readonly service: Service;
}

/** A container that is started anew all the time is not told of each time. */
const TELL_AGAIN_AFTER_MS = 24 * 3600 * 1000;

/** Tells the operator of containers that cannot reach the metadata service: once in the log, and on the board while it lasts. */
export function strandedService(
  { runtimeDirectory }: Pick<Config, "runtimeDirectory">,
  { log, engine }: { readonly log: Log; readonly engine: Engine },
): StrandedPart {
  const board = new NoticeBoard(runtimeDirectory);
  const gate = new RepeatGate({ now: () => Date.now(), repeatAfterMs: TELL_AGAIN_AFTER_MS });
  const stranded = new StrandedContainers({
    engine,
    sleep,
    hasWayOut: wayOutOf,
    events: {
      onStranded(container) {
        const { about, ...words } = noticeOf(container);
        board.post(container.id, { about, ...words, since: utcSeconds(Date.now()) });
        const { name, id, networks } = container;
        if (gate.pass(id) !== undefined)
          log.warn(
            { container: name, containerId: id, network: networks.join(", "), ...words },
            "a container cannot reach the metadata service",
          );
      },
      onRescued: (containerId) => board.remove(containerId),
    },
  });
  const start = async (): Promise<void> => board.clear();
  const stop = async (): Promise<void> => {
    stranded.stop();
    board.clear();
  };
  return { listener: stranded, service: { name: "notices", start, stop } };
}

/** Only what is read while the container's first process provably lives is its. */
function wayOutOf(pid: number, containerId: string): boolean | undefined {
  const watch = watchProcess(pid, containerId);
  const way = watch && hasWayOut(pid, METADATA_ADDRESSES);
  const isItsOwn = watch?.isAlive() ?? false;
  watch?.close();
  return isItsOwn ? way : undefined;
}

const noticeOf = ({ name, id, networks }: StrandedContainer) => ({
  about: `${name} (${id.slice(0, 12)}) on ${networks.join(", ")}`,
  reason: `it has no route to ${METADATA_ADDRESSES.map(({ address }) => address).join(" or ")}, so it cannot ask for credentials`,
  remedy: "if it needs any, connect it to a network that is not internal (docker network connect NETWORK CONTAINER)",
});
