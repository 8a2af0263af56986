import { CGROUP_PARENT, type Engine } from "./engine.ts";
import { ADDRESSES, type Instance, STS_URL } from "./instance.ts";
import { LongRunning, type Ran, tryRun } from "./programs.ts";
import { taskroleProgram } from "./settings.ts";

/** Flags of `taskrole serve` by their names without dashes. */
export type ServeFlags = Readonly<Record<string, string>>;

export interface DaemonOptions {
  /** Flags of `taskrole serve` beside the lab's own. */
  readonly serve?: ServeFlags;
  readonly daemonEnv?: NodeJS.ProcessEnv;
}

/** A line of the daemon's log. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** What the daemon is started through and with, for a test about just that. */
export interface Launching {
  readonly flags?: ServeFlags;
  /** Runs the rest of its arguments as another user, or with less than all capabilities. */
  readonly through?: readonly string[];
  /** Where that user may read the program. */
  readonly program?: string;
}

/** `taskrole serve` on the instance, through as many lives as a test gives it. */
export class Daemon {
  readonly #instance: Instance;
  readonly #flags: ServeFlags;
  readonly #env: NodeJS.ProcessEnv;
  readonly #lives: LongRunning[] = [];

  constructor(instance: Instance, engine: Pick<Engine, "socket">, { serve = {}, daemonEnv = {} }: DaemonOptions = {}) {
    this.#instance = instance;
    this.#flags = { ...defaultFlags(engine), ...serve };
    this.#env = daemonEnv;
  }

  /** Starts it without waiting. */
  launch({ flags = {}, through = [], program = taskroleProgram }: Launching = {}): LongRunning {
    const pairs = Object.entries({ ...this.#flags, ...flags }).flatMap(([name, value]) => [`--${name}`, value]);
    const command = [...inItsFolder(this.#instance.folder), ...through, program, "serve", ...pairs];
    const life = new LongRunning(this.#instance.onInstance(...command), this.#env);
    this.#lives.push(life);
    return life;
  }

  /** Starts it and waits until it says that it listens. */
  async start(flags: ServeFlags = {}): Promise<LongRunning> {
    return await this.startWith({ flags });
  }

  async startWith(launching: Launching): Promise<LongRunning> {
    const life = this.launch(launching);
    await life.waitForLine((line) => parseLine(line)?.msg === "listening", 20_000);
    return life;
  }

  get current(): LongRunning {
    const life = this.#lives.at(-1);
    if (!life) throw new Error("the daemon was never started");
    return life;
  }

  stop = (): Promise<void> => this.current.stop();
  kill = (signal: NodeJS.Signals = "SIGKILL"): Promise<void> => this.current.stop(signal);

  /** Everything it ever printed, in all its lives. */
  get output(): string {
    return this.#lives.flatMap(({ lines }) => lines).join("\n");
  }

  get log(): readonly LogLine[] {
    return this.#lives.flatMap(({ lines }) => lines).flatMap((line) => parseLine(line) ?? []);
  }

  /** Another command of the same program, on the instance, with the setting that the daemon has here in any case. */
  command(...args: readonly string[]): Promise<Ran> {
    const setting = `TASKROLE_CONTAINER_CGROUPS=${CONTAINER_CGROUPS}`;
    return tryRun(this.#instance.onInstance("env", setting, taskroleProgram, ...args));
  }
}

/** Any file it writes by accident, a core dump above all, is found in `${folder}/daemon`. */
const inItsFolder = (folder: string): readonly string[] => [
  ...["sh", "-c", 'mkdir -p "$0" && cd "$0" && ulimit -c unlimited && exec "$@"', `${folder}/daemon`],
];

const CONTAINER_CGROUPS = JSON.stringify([CGROUP_PARENT]);

const defaultFlags = ({ socket }: Pick<Engine, "socket">): ServeFlags => ({
  "docker-endpoint": `unix://${socket}`,
  "metadata-url": `http://${ADDRESSES.metadata4}`,
  "sts-endpoint": STS_URL,
  region: "us-east-1",
  listen: "[::]:9254",
  interception: "nftables",
  "container-cgroups": CONTAINER_CGROUPS,
  "metadata-tokens": "required",
  "log-format": "json",
  "log-level": "debug",
});

function parseLine(line: string): LogLine | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return undefined;
  }
}
