import { closeSync, openSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  begin,
  type Command,
  firstAnswer,
  firstConnection,
  freePort,
  linesOf,
  nodeCommand,
  type RunningProgram,
} from "./programs.ts";
import { hiddenFileOf, type World } from "./world.ts";

export interface Server extends RunningProgram {
  readonly name: string;
  readonly port: number;
  /** From the start of the process to the first answer with status 200. */
  readonly startMs: number;
  /** Before each round, so that none pays for what the one before has written. */
  tidy(): void;
}

export const TOKEN_REQUEST =
  "PUT /latest/api/token HTTP/1.1\r\nHost: 169.254.169.254\r\nx-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n";

export interface ServerStart {
  readonly name: string;
  readonly command: (port: number) => Command;
  /** Where the first request comes from. */
  readonly from: string;
  /** Appended to; "/dev/null" for who writes nothing. */
  readonly stdout: string;
}

/** Resolves once it answers. */
export async function startServer({ name, command, from, stdout }: ServerStart): Promise<Server> {
  const port = await freePort();
  const output = openSync(stdout, "a");
  const started = performance.now();
  const { pid, stop } = begin(command(port), ["ignore", output, "inherit"]);
  await firstAnswer({ port, from, request: TOKEN_REQUEST }).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const startMs = performance.now() - started;
  const tidy = (): void => {
    if (stdout !== "/dev/null") truncateSync(stdout);
  };
  return { name, port, pid, startMs, tidy, stop };
}

/** Milliseconds from the start of the process to the first connection that it takes. It is stopped again. */
export async function timeToListening({ command, from, stdout }: ServerStart): Promise<number> {
  const port = await freePort();
  const output = openSync(stdout, "a");
  const started = performance.now();
  const { stop } = begin(command(port), ["ignore", output, "inherit"]);
  try {
    await firstConnection({ port, from });
    return performance.now() - started;
  } finally {
    await stop();
    closeSync(output);
  }
}

/** What taskrole needs of the world around it. */
export interface Host {
  readonly metadataUrl: string;
  readonly stsUrl: string;
}

/** taskrole's own mock of EC2, whose host role may assume every role. @param where e.g. in a namespace of its own */
export async function startEc2(
  taskrole: string,
  stack: AsyncDisposableStack,
  where: (command: Command) => Command = (command) => command,
): Promise<Host> {
  const command: Command = [taskrole, "mock-ec2", "--metadata-listen", "127.0.0.1:0", "--sts-listen", "127.0.0.1:0"];
  return await ec2Of(where(command), stack);
}

/** @param command of a program that says where it listens as mock-ec2 does */
export async function ec2Of(command: Command, stack: AsyncDisposableStack): Promise<Host> {
  const program = begin(command, ["ignore", "pipe", "inherit"]);
  stack.defer(program.stop);
  const urls: string[] = [];
  for await (const line of linesOf(program)) {
    urls.push(...(/^(?:Instance metadata|STS): +(http:\S+)$/.exec(line)?.slice(1) ?? []));
    if (urls.length === 2) break;
  }
  const [metadataUrl, stsUrl] = urls;
  if (metadataUrl === undefined || stsUrl === undefined)
    throw new Error(`${command.join(" ")} did not say where it listens`);
  return { metadataUrl, stsUrl };
}

/** @returns the socket of an Engine that knows this world */
const worldFileIn = (directory: string): string => join(directory, "world.json");

/** For whoever has an Engine in this directory: whether its containers are there, but for the first. */
export function showContainers(directory: string, areThere: boolean): void {
  const hidden = hiddenFileOf(worldFileIn(directory));
  if (areThere) rmSync(hidden, { force: true });
  else writeFileSync(hidden, "");
}

export async function startEngine(world: World, directory: string, stack: AsyncDisposableStack): Promise<string> {
  const socket = join(directory, "docker.sock");
  const worldFile = worldFileIn(directory);
  writeFileSync(worldFile, JSON.stringify(world));
  const program = begin(nodeCommand("docker-engine.ts", socket, worldFile), ["ignore", "pipe", "inherit"]);
  stack.defer(program.stop);
  for await (const line of linesOf(program)) if (line.startsWith("ready")) break;
  return socket;
}

export interface TaskroleSetting extends Host {
  readonly taskrole: string;
  readonly engineSocket: string;
  /** Of its own: log, key, empty configuration. */
  readonly directory: string;
}

export const configIn = (directory: string): string => join(directory, "config.yaml");

/** As an operator starts it, but for the interception; its log goes to a file. */
export function taskroleStart(setting: TaskroleSetting, from: string): ServerStart {
  const { taskrole, engineSocket, metadataUrl, stsUrl, directory } = setting;
  const config = configIn(directory);
  const runtime = join(directory, "run");
  writeFileSync(config, "");
  return {
    name: "taskrole",
    from,
    stdout: join(directory, "log"),
    command: (port) =>
      [
        ...[taskrole, "serve", "--config", config, "--interception", "none", "--listen", `127.0.0.1:${port}`],
        ...["--docker-endpoint", `unix://${engineSocket}`, "--runtime-directory", runtime],
        ...["--metadata-url", metadataUrl, "--sts-endpoint", stsUrl],
      ] as unknown as Command,
  };
}
