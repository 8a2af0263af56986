import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Enforce } from "../../src/broker/address-enforcement.ts";
import type { Refusal } from "../../src/core/failure.ts";
import type { Workload } from "../../src/core/workload.ts";
import type { ContainerDialect } from "../../src/docker/container-dialect.ts";
import type { DockerBinding, ProcessWatch } from "../../src/docker/docker-binding.ts";
import { DockerWorkloads } from "../../src/docker/docker-workloads.ts";
import type { EngineEvent, EventQuery } from "../../src/docker/engine.ts";
import { EngineClient } from "../../src/docker/engine-client.ts";
import { FakeEngine } from "./fake-engine.ts";

/** Test time runs this much faster than the machine's. */
export const HASTE = 20;

/** Processes by pid, as a test decides: alive until killed; unwatchable ones are not watched at all. */
export class FakeProcesses {
  readonly dead = new Set<number>();
  readonly unwatchable = new Set<number>();
  readonly watched: number[] = [];
  open = 0;

  readonly watch = (pid: number): ProcessWatch | undefined => {
    this.watched.push(pid);
    if (this.unwatchable.has(pid)) return undefined;
    this.open += 1;
    let isOpen = true;
    return {
      isAlive: () => isOpen && !this.dead.has(pid),
      close: () => {
        this.open -= isOpen ? 1 : 0;
        isOpen = false;
      },
    };
  };
}

/** Counts the events that its reader is done with. */
class CountingClient extends EngineClient {
  heard = 0;

  override async events(query: EventQuery, signal: AbortSignal): Promise<AsyncIterable<EngineEvent>> {
    return this.#counted(await super.events(query, signal));
  }

  async *#counted(events: AsyncIterable<EngineEvent>): AsyncGenerator<EngineEvent> {
    for await (const event of events) {
      yield event;
      this.heard += 1;
    }
  }
}

export interface Bench {
  readonly engine: FakeEngine;
  readonly workloads: DockerWorkloads;
  readonly processes: FakeProcesses;
  /** First processes of containers that began to run, as they were told of. */
  readonly running: readonly number[];
  /** "bound web 172.17.0.2", "evicted web 172.17.0.2: …", "up", "down" in the order they happened. */
  readonly log: string[];
  /** Id of Docker's default bridge, 172.17.0.0/16. */
  readonly bridge: string;
  nameAt(address: string): Promise<string | undefined>;
  waitForStream(): Promise<void>;
  /** Until the resolver has taken in every event sent so far. */
  heard(): Promise<void>;
}

export interface BenchOptions {
  readonly engine?: (engine: FakeEngine) => void;
  readonly outagePatienceMs?: number;
  readonly isStarted?: boolean;
  readonly callTimeoutMs?: number;
  readonly enforce?: Enforce;
  readonly dialect?: ContainerDialect;
  readonly lateEventMs?: number;
}

/** The resolver over a real socket to a fake Engine, its events heard. */
export async function bench(t: TestContext, options: BenchOptions = {}): Promise<Bench> {
  const engine = new FakeEngine();
  const bridge = engine.addNetwork({ name: "bridge", subnets: ["172.17.0.0/16"] });
  const now = () => performance.now() * HASTE;
  engine.now = now;
  options.engine?.(engine);
  await engine.listen();
  const processes = new FakeProcesses();
  const log: string[] = [];
  const client = new CountingClient({ endpoint: engine.endpoint, callTimeoutMs: options.callTimeoutMs ?? 5_000 });
  const running: number[] = [];
  const workloads = new DockerWorkloads({
    engine: client,
    onRunning: (pid) => void running.push(pid),
    watchProcess: processes.watch,
    ...(options.enforce && { enforce: options.enforce }),
    ...(options.dialect && { dialect: options.dialect }),
    now,
    lateEventMs: options.lateEventMs ?? 100_000,
    sleep: async (ms, signal) => void (await delay(ms / HASTE, undefined, { ...(signal && { signal }) })),
    outagePatienceMs: options.outagePatienceMs ?? 100_000,
    events: logTo(log),
  });
  t.after(async () => {
    await workloads.stop();
    await engine.destroy();
  });
  if (options.isStarted ?? true) await workloads.start();
  const isUp = () => log.findLast((line) => line === "up" || line === "down") === "up" && engine.subscribers === 1;
  const waitForStream = () => eventually(() => assert.ok(isUp()));
  const heard = () => eventually(() => assert.ok(client.heard >= engine.sent));
  const nameAt = async (address: string) => (await workloads.resolve({ address }))?.workload.name;
  return { engine, workloads, processes, running, log, bridge, nameAt, waitForStream, heard };
}

const logTo = (log: string[]) => ({
  onCreated: ({ name, roleClaim }: Workload) => void log.push(`created ${name} (${roleClaim?.text})`),
  onBound: ({ workload, address }: DockerBinding) => void log.push(`bound ${workload.name} ${address}`),
  onEvicted: ({ workload, address }: DockerBinding, reason: string) =>
    void log.push(`evicted ${workload.name} ${address}: ${reason}`),
  onStreamUp: () => void log.push("up"),
  onStreamDown: () => void log.push("down"),
});

/** Repeats until it holds; what never comes to hold fails after five seconds with its own message. */
export async function eventually(assertion: () => void): Promise<void> {
  for (const deadline = performance.now() + 5_000; ; await delay(2)) {
    try {
      return assertion();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}

export async function bindingAt(workloads: DockerWorkloads, address: string): Promise<DockerBinding> {
  const binding = await workloads.resolve({ address });
  assert.ok(binding, `${address} is nobody's`);
  return binding;
}

export const isRefusal =
  (kind: Refusal["failure"]["kind"]) =>
  (error: unknown): boolean =>
    error instanceof Error && "failure" in error && (error as Refusal).failure.kind === kind;
