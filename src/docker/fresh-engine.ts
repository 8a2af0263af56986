import { NextFlight } from "../kit/next-flight.ts";
import type { ContainerDetails, Engine, NetworkDetails, NetworkSummary } from "./engine.ts";
import { EngineError } from "./engine-error.ts";

/**
 * The Engine as a lookup may ask it: every answer is to a call sent after the question came, and the same question of
 * many costs few calls (see {@link NextFlight}). What the Engine does not know is undefined, which is no error here.
 */
export class FreshEngine {
  readonly #engine: Engine;
  readonly #lists = new NextFlight<readonly NetworkSummary[]>();
  readonly #networks = new NextFlight<NetworkDetails | undefined>();
  readonly #containers = new NextFlight<ContainerDetails | undefined>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  networks(): Promise<readonly NetworkSummary[]> {
    return this.#lists.run("all", () => this.#engine.listNetworks());
  }

  network(id: string): Promise<NetworkDetails | undefined> {
    return this.#networks.run(id, () => orUndefined(this.#engine.inspectNetwork(id)));
  }

  container(id: string): Promise<ContainerDetails | undefined> {
    return this.#containers.run(id, () => orUndefined(this.#engine.inspectContainer(id)));
  }
}

async function orUndefined<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof EngineError && error.kind === "not-found") return undefined;
    throw error;
  }
}
