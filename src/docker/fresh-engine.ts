import { NextFlight } from "../kit/next-flight.ts";
import type { ContainerDetails, Engine, LabelledContainer, NetworkSummary } from "./engine.ts";
import { EngineError, type EngineErrorKind } from "./engine-error.ts";
import { SeenNetwork } from "./seen-network.ts";

/**
 * The Engine as a lookup may ask it: every answer is to a call sent after the question came, and the same question of
 * many costs few calls (see {@link NextFlight}). What the Engine does not know is undefined, which is no error here.
 */
export class FreshEngine {
  readonly #engine: Engine;
  readonly #lists = new NextFlight<readonly NetworkSummary[]>();
  readonly #networks = new NextFlight<SeenNetwork | undefined>();
  readonly #labelled = new NextFlight<readonly LabelledContainer[]>();
  readonly #containers = new NextFlight<ContainerDetails | undefined>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  networks(): Promise<readonly NetworkSummary[]> {
    return this.#lists.run("all", () => this.#engine.listNetworks());
  }

  network(id: string): Promise<SeenNetwork | undefined> {
    return this.#networks.run(id, async () => {
      const network = await orUndefined(this.#engine.inspectNetwork(id));
      return network && (await this.#withoutGuests(new SeenNetwork(network)));
    });
  }

  runningWithLabel(label: string): Promise<readonly LabelledContainer[]> {
    return this.#labelled.run(label, () => this.#engine.runningWithLabel(label));
  }

  container(id: string): Promise<ContainerDetails | undefined> {
    return this.#containers.run(id, () => orUndefined(this.#engine.inspectContainer(id)));
  }

  /**
   * podman lists a container in another's network beside it, with the other's address. One that cannot be read (its labels are books)
   * stays listed, so that nobody is served by that one address: all others of the network are.
   */
  async #withoutGuests(network: SeenNetwork): Promise<SeenNetwork> {
    const { sharers } = network;
    if (sharers.size === 0) return network;
    const containers = await Promise.all([...sharers].map((id) => orUndefined(this.container(id), "bad-answer")));
    const guests = containers.filter((one) => one?.guestOf !== undefined).map((one) => one?.id);
    return network.without(new Set(guests.filter((id) => id !== undefined)));
  }
}

async function orUndefined<T>(call: Promise<T>, kind: EngineErrorKind = "not-found"): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof EngineError && error.kind === kind) return undefined;
    throw error;
  }
}
