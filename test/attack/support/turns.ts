import { setTimeout as sleep } from "node:timers/promises";
import type { FakeContainer, FakeEngine } from "../../docker/fake-engine.ts";
import { type FirstAnswer, type Pool, type Prepared, SEAT } from "./pool.ts";

export const ROLES = ["red", "blue"] as const;

/** How the engine tells of it. "late": nothing is told before the next container has been answered, or has asked in vain for a while. */
export type Telling = "docker-20" | "docker-28" | "late";

export interface Turn {
  readonly role: string;
  readonly answer: FirstAnswer;
}

/** The quickest engine measured tells of the connection 13 ms before the container's first request (Moby, median of 30). */
const CONNECTED_BEFORE_FIRST_REQUEST_MS = 13;

/** Between the end of one and the next one's connection: what is left of a turn at more than 20 a second. Engines take ten times as long. */
const ENDED_BEFORE_NEXT_MS = 10;

/** Less than the second after which a kernel sends its first packet again. */
export const UNTOLD_MS = 400;

interface Seated {
  readonly prepared: Prepared;
  readonly container: FakeContainer;
}

/** One address, and containers of two roles that take it one after another; the engine says so as Docker does. */
export class Turns {
  readonly #pool: Pool;
  readonly #engine: FakeEngine;
  readonly #network: string;
  #seated: Seated | undefined;
  #taken = 0;

  constructor(pool: Pool, engine: FakeEngine) {
    this.#pool = pool;
    this.#engine = engine;
    this.#network = engine.addNetwork({ name: "apps", subnets: [SEAT.subnet] });
  }

  /** The seat changes hands, and whoever has it now asks who it is, before it does anything else. */
  async take(telling: Telling): Promise<Turn> {
    const prepared = await this.#pool.take();
    const role = ROLES[this.#taken++ % ROLES.length] ?? ROLES[0];
    const former = this.#seated;
    if (former) await this.#free(former, telling);
    const container = await this.#seat(prepared, { role, telling });
    if (telling !== "late") await this.#start();
    const answer = this.#pool.begin(prepared);
    if (telling === "late") await Promise.race([answer, sleep(UNTOLD_MS)]);
    if (former && telling === "late") this.#tellOfEnd(former, "docker-28");
    if (telling !== "late") this.#engine.sendContainer("start", container.Id);
    this.#seated = { prepared, container };
    return { role, answer: await answer };
  }

  /** As an engine's does, a start takes the longer the more the machine has to do: runc and its init are programs too. */
  async #start(): Promise<void> {
    await Promise.all([
      sleep(CONNECTED_BEFORE_FIRST_REQUEST_MS),
      this.#pool.startProgram().then(this.#pool.startProgram),
    ]);
  }

  async #free({ prepared, container }: Seated, telling: Telling): Promise<void> {
    this.#pool.end(prepared);
    this.#engine.remove(container.Id);
    if (telling !== "late") this.#tellOfEnd({ prepared, container }, telling);
    await this.#pool.unplug(prepared);
    await sleep(ENDED_BEFORE_NEXT_MS);
  }

  async #seat(prepared: Prepared, { role, telling }: { role: string; telling: Telling }): Promise<FakeContainer> {
    await this.#pool.plugIn(prepared);
    const container = this.#engine.run({
      network: this.#network,
      // Of an id that is not in its control group the daemon cannot watch the process.
      ...(telling !== "late" && { id: prepared.id }),
      ip: `${SEAT.address}/29`,
      mac: prepared.mac,
      pid: prepared.pid,
      name: `${role}-${this.#taken}`,
      labels: { "taskrole.role": role },
    });
    if (telling !== "late") this.#engine.sendNetwork("connect", this.#network, container.Id);
    return container;
  }

  #tellOfEnd({ container: { Id } }: Seated, telling: Telling): void {
    const died = () => this.#engine.sendContainer("die", Id);
    const left = () => this.#engine.sendNetwork("disconnect", this.#network, Id);
    for (const tell of telling === "docker-20" ? [died, left] : [left, died]) tell();
  }
}
