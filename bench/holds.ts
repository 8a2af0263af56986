import { setTimeout as delay } from "node:timers/promises";
import { ContainerMaker } from "../test/e2e/support/containers.ts";
import { Daemon, type LogLine } from "../test/e2e/support/daemon.ts";
import { Ec2 } from "../test/e2e/support/ec2.ts";
import { createEngine, demandSetup } from "../test/e2e/support/engine.ts";
import { createInstance } from "../test/e2e/support/instance.ts";

export interface HoldsPlan {
  readonly alone: number;
  /** Of {@link TOGETHER} containers each. */
  readonly rounds: number;
}

export interface Holds {
  /** Milliseconds from the first request of each new container, read whole, to its answer. */
  readonly aloneMs: readonly number[];
  readonly togetherMs: readonly number[];
  /** From `docker run` to the end of the first sequence, for comparison: what the Engine itself takes. */
  readonly startMs: readonly number[];
}

export const TOGETHER = 8;

/** Undefined when they can be measured here. */
export function whyNoHolds(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root, for an Engine of its own";
  try {
    demandSetup();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

interface Asker {
  remove(): Promise<void>;
}

/**
 * New containers on a real Docker Engine whose first act is to ask: one by one, and eight at once. The Engine, the
 * daemon and EC2's stand-in live in namespaces, as in the end-to-end suite, whose set-up they need.
 *
 * @throws when a container was not answered, or not at its first request
 */
export async function measureHolds(plan: HoldsPlan, stack: AsyncDisposableStack): Promise<Holds> {
  const { daemon, containers } = await startLab(stack);
  const startMs: number[] = [];
  const start = async (): Promise<Asker> => {
    const began = performance.now();
    const container = await containers.run({ asksFirst: true, role: "bench" });
    const { token } = await container.firstWords();
    if (typeof token === "string" || token.status !== 200)
      throw new Error(`a first request got ${JSON.stringify(token)}`);
    startMs.push(performance.now() - began);
    return container;
  };
  const held = async (sizes: readonly number[]): Promise<readonly number[]> => {
    const before = tokenRequests(daemon.log).length;
    for (const size of sizes) {
      const started = await Promise.all(Array.from({ length: size }, start));
      await Promise.all(started.map((container) => container.remove()));
    }
    await delay(LOG_DELAY_MS);
    return tokenRequests(daemon.log).slice(before);
  };
  await held([1, TOGETHER]); // what compiles itself as it runs
  startMs.length = 0;
  const aloneMs = await held(new Array<number>(plan.alone).fill(1));
  const togetherMs = await held(new Array<number>(plan.rounds).fill(TOGETHER));
  const expected = plan.alone + plan.rounds * TOGETHER;
  if (aloneMs.length + togetherMs.length !== expected)
    throw new Error(
      `the daemon's log tells of ${aloneMs.length + togetherMs.length} first requests instead of ${expected}`,
    );
  return { aloneMs, togetherMs, startMs };
}

const LOG_DELAY_MS = 300;

/** How long each request for a token took: a container asks once. */
export const tokenRequests = (log: readonly LogLine[]): readonly number[] =>
  log
    .filter(({ msg, method, path }) => msg === "request" && method === "PUT" && path === "/latest/api/token")
    .map(({ durationMs }) => Number(durationMs));

async function startLab(stack: AsyncDisposableStack): Promise<{ daemon: Daemon; containers: ContainerMaker }> {
  const instance = await createInstance();
  stack.defer(instance.remove);
  const ec2 = await Ec2.start(instance);
  stack.defer(ec2.stop);
  const engine = await createEngine(instance);
  await engine.start();
  stack.defer(() => engine.removeEverything().catch(() => {}));
  await engine.removeEverything();
  const daemon = new Daemon(instance, engine, {});
  await daemon.start();
  stack.defer(daemon.stop);
  return { daemon, containers: new ContainerMaker(engine.docker, instance.folder, () => {}) };
}
