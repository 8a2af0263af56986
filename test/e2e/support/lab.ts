import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { after } from "node:test";
import { removeCgroups, removeLeftCgroups } from "./cgroups.ts";
import { type Container, ContainerMaker, type ContainerOptions } from "./containers.ts";
import { Daemon, type DaemonOptions } from "./daemon.ts";
import { Ec2 } from "./ec2.ts";
import { createEngine, demandSetup, type Engine } from "./engine.ts";
import { createInstance, type Instance } from "./instance.ts";
import { logFolder } from "./settings.ts";

export interface LabOptions extends DaemonOptions {
  /** Of EC2's services. */
  readonly ec2Env?: NodeJS.ProcessEnv;
  /** False: the daemon is not started. */
  readonly daemon?: boolean;
  /** Default: the Docker Engine that E2E_ENGINE names. */
  readonly createEngine?: (instance: Instance) => Promise<Engine>;
}

/** A whole EC2 host: the instance, its Docker Engine, its metadata service and STS, and taskrole on it. */
export interface Lab {
  readonly instance: Instance;
  readonly engine: Engine;
  readonly ec2: Ec2;
  readonly daemon: Daemon;
  readonly containers: ContainerMaker;
  run(options?: ContainerOptions): Promise<Container>;
  /** Every byte that any container heard, in the order it came. */
  readonly overheard: readonly Buffer[];
}

/** Starts a lab for the tests of one file, and removes all of it when they are over, however they ended. */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
  demandSetup();
  await removeLeftCgroups();
  const instance = await createInstance();
  const cleanUps: (() => Promise<unknown>)[] = [instance.remove, removeCgroups];
  const cleanUp = async () => {
    const outcomes: PromiseSettledResult<unknown>[] = [];
    for (const step of cleanUps) outcomes.push(...(await Promise.allSettled([step()])));
    const errors = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
    if (errors.length > 0) throw new AggregateError(errors, "something could not be cleaned up");
  };
  try {
    const ec2 = await Ec2.start(instance, options.ec2Env);
    cleanUps.unshift(ec2.stop);
    const engine = await (options.createEngine ?? createEngine)(instance);
    await engine.start();
    await engine.removeEverything();
    cleanUps.unshift(() => engine.removeEverything().catch(() => {}));
    const overheard: Buffer[] = [];
    const containers = new ContainerMaker(engine.docker, instance.folder, (bytes) => overheard.push(bytes));
    const daemon = new Daemon(instance, engine, options);
    cleanUps.push(() => keepLog(daemon));
    if (options.daemon !== false) await daemon.start();
    after(cleanUp);
    return { instance, engine, ec2, daemon, containers, overheard, run: (given) => containers.run(given) };
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

/** Writes all that the daemon said, where someone wants it, under the name of the test file. */
async function keepLog({ output }: Daemon): Promise<void> {
  if (logFolder === undefined) return;
  await mkdir(logFolder, { recursive: true });
  await writeFile(join(logFolder, `${basename(process.argv[1] ?? "", ".test.ts")}.log`), `${output}\n`);
}
