import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type MockEc2, type MockEc2Options, startMockEc2 } from "../../src/mock-ec2/mock-ec2.ts";
import { type FakeContainer, FakeEngine } from "../docker/fake-engine.ts";
import { type Life, Running } from "./program.ts";

export interface HostContainer {
  /** In 127.50.0.0/16, so that a client can ask from it with `localAddress`. */
  readonly address: string;
  /** In fd00:50::/64; for hosts in a network namespace that has it. */
  readonly address6?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly env?: readonly string[];
}

type Flags = Readonly<Record<string, string | undefined>>;

export interface HostOptions {
  readonly containers: Readonly<Record<string, HostContainer>>;
  /** By flag without its dashes: { "metadata-tokens": "optional" }. What is given here wins; undefined: without that flag. */
  readonly flags?: Flags;
  readonly ec2?: MockEc2Options;
  readonly program?: readonly string[];
  /** Starts each life of the daemon, in place of this process: the `listen` it is told is what the starter holds. */
  readonly starter?: { readonly listen: string; start(args: readonly string[]): Promise<Life> };
}

/** A whole EC2 host on loopback around the program that ships: no AWS, no Docker, no root, and no interception. */
export interface Host {
  readonly port: number;
  readonly taskrole: Life;
  readonly ec2: MockEc2;
  readonly engine: FakeEngine;
  readonly containers: Readonly<Record<string, FakeContainer>>;
  /** Another life of the same daemon on the same port and directory: the tokens of the first stay good. */
  restart(signal?: NodeJS.Signals): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const NETWORK = "apps";
const LISTENING = /"port":(\d+)\},"msg":"listening"/;

export async function startHost(options: HostOptions): Promise<Host> {
  await using stack = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "taskrole-host-"));
  stack.defer(() => rmSync(directory, { recursive: true, force: true }));
  const ec2 = await startMockEc2(options.ec2);
  stack.defer(() => ec2.close());
  const engine = await new FakeEngine().listen();
  stack.defer(() => engine.destroy());
  const containers = runContainers(engine, options.containers);
  const flags: Flags & { readonly listen: string } = {
    listen: options.starter?.listen ?? "127.0.0.1:0",
    interception: "none",
    "docker-endpoint": engine.endpoint,
    "metadata-url": ec2.metadataUrl,
    "sts-endpoint": ec2.stsUrl,
    "runtime-directory": directory,
    ...options.flags,
  };
  let taskrole = await start(flags, options);
  stack.defer(() => taskrole.kill());
  const port = await portOf(taskrole);
  const kept = stack.move();
  return {
    port,
    ec2,
    engine,
    containers,
    get taskrole() {
      return taskrole;
    },
    async restart(signal = "SIGTERM") {
      taskrole.signal(signal);
      await taskrole.ended();
      taskrole = await start({ ...flags, listen: flags.listen.replace(/:\d+$/, `:${port}`) }, options);
      await portOf(taskrole);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function start(flags: Flags, { program, starter }: Pick<HostOptions, "program" | "starter">): Promise<Life> {
  const args = [
    "serve",
    ...Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value])),
  ];
  return starter ? starter.start(args) : new Running(args, program && { program });
}

const portOf = async (taskrole: Life): Promise<number> => Number((await taskrole.says(LISTENING))[1]);

function runContainers(
  engine: FakeEngine,
  given: Readonly<Record<string, HostContainer>>,
): Readonly<Record<string, FakeContainer>> {
  const network = engine.addNetwork({ name: NETWORK, subnets: ["127.50.0.0/16", "fd00:50::/64"] });
  return Object.fromEntries(
    Object.entries(given).map(([name, { address, address6, ...rest }]) => [
      name,
      engine.run({ network, name, ip: `${address}/16`, ...(address6 && { ip6: `${address6}/64` }), ...rest }),
    ]),
  );
}
