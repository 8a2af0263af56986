import type { Failure } from "../core/failure.ts";
import type { Grant } from "../core/grant.ts";
import type { Workload } from "../core/workload.ts";
import type { Broker } from "./broker.ts";
import type { Binding } from "./workload-resolver.ts";

/** A session's keys went to a workload. Says which by the key's public id; the secret parts have no place here. */
export interface HandOut {
  readonly peerAddress: string;
  readonly workload: Workload;
  readonly grant: Grant;
  readonly accessKeyId: string;
  readonly expiresAt: number;
}

/** A request was refused. */
export interface RefusedRequest {
  readonly peerAddress: string;
  /** Undefined when it was refused before, or because, nobody could say who asks. */
  readonly workload?: Workload;
  readonly failure: Failure;
  /** The canonical path; undefined when the target had none. */
  readonly path?: string;
  /** What STS, the engine or upstream said, for the operator alone. */
  readonly cause?: unknown;
}

/** Told what happened, never asked: nothing here can change an answer. */
export interface BrokerEvents {
  handedOut(event: HandOut): void;
  refused(event: RefusedRequest): void;
}

/** The same broker, telling of each hand-out. */
export function observed(broker: Broker, events: Pick<BrokerEvents, "handedOut">): Broker {
  return {
    identify: (peer) => broker.identify(peer),
    deadline: () => broker.deadline(),
    grantFor: (workload, until) => broker.grantFor(workload, until),
    async credentialsFor(binding: Binding, grant: Grant, until) {
      const credentials = await broker.credentialsFor(binding, grant, until);
      const { accessKeyId, expiresAt } = credentials;
      events.handedOut({ peerAddress: binding.address, workload: binding.workload, grant, accessKeyId, expiresAt });
      return credentials;
    },
  };
}
