import { type ChildProcess, execFileSync, type StdioOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** A program and what it is called with. */
export type Command = readonly [file: string, ...args: string[]];

export interface RunningProgram {
  readonly pid: number;
  /** SIGTERM, and SIGKILL for who does not heed it. */
  stop(): Promise<void>;
}

export interface BegunProgram extends RunningProgram {
  readonly child: ChildProcess;
}

const STOP_PATIENCE_MS = 5_000;
const START_PATIENCE_MS = 20_000;
const POLL_MS = 1;

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const BUN = here("../node_modules/.bin/bun");

/** A TypeScript file of this folder on the Node that runs the bench. */
export const nodeCommand = (name: string, ...args: string[]): Command => [process.execPath, here(name), ...args];

/** @returns the compiler's version, e.g. "gcc 12.2.0", or undefined where there is none */
export function cCompiler(): string | undefined {
  try {
    const [first = ""] = execFileSync("cc", ["--version"], { encoding: "utf8" }).split("\n");
    return first;
  } catch {
    return undefined;
  }
}

/** @returns the executable */
export function compileC(name: string, directory: string): string {
  const executable = join(directory, name.replace(/\.c$/, ""));
  execFileSync("cc", ["-O2", "-Wall", "-Wextra", "-Werror", "-o", executable, here(name)], { stdio: "inherit" });
  return executable;
}

/** @returns the executable, compiled as scripts/build.ts compiles taskrole */
export function compileBun(name: string, directory: string): string {
  const executable = join(directory, `${name.replace(/\.ts$/, "")}-bun`);
  const args = ["build", here(name), "--compile", "--minify", "--sourcemap=none", `--outfile=${executable}`];
  execFileSync(BUN, args, { stdio: ["ignore", "ignore", "inherit"] });
  return executable;
}

/**
 * Starts a program whose only environment is a search path: nothing of this machine's settings gets in. However the
 * bench ends, the program ends with it.
 */
export function begin([file, ...args]: Command, stdio: StdioOptions): BegunProgram {
  const child: ChildProcess = spawn(file, args, { stdio, env: { PATH: process.env["PATH"] } });
  const exited = once(child, "exit");
  exited.catch(() => {});
  const kill = (): unknown => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await Promise.race([exited, delay(STOP_PATIENCE_MS, undefined, { ref: false })]);
    child.kill("SIGKILL");
    await exited;
  };
  if (child.pid === undefined) throw new Error(`cannot start ${file}`);
  return { child, pid: child.pid, stop };
}

/** What a program that was begun with "pipe" for its output says, line by line. Its later words are lost. */
export function linesOf({ child }: BegunProgram): AsyncIterable<string> {
  if (!child.stdout) throw new Error("the program's output is not a pipe");
  return createInterface({ input: child.stdout });
}

/** A port that nobody has at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
  return address.port;
}

export interface Answered {
  readonly port: number;
  /** The client's own address. */
  readonly from: string;
  readonly request: string;
}

/** Asks until the first answer with status 200 has come; a server that is not up yet, or not ready, is asked again. */
export async function firstAnswer(given: Answered): Promise<void> {
  const deadline = performance.now() + START_PATIENCE_MS;
  let last = "no answer";
  while (performance.now() < deadline) {
    last = await askOnce(given).catch(String);
    if (last.startsWith("HTTP/1.1 200 ")) return;
    await delay(POLL_MS);
  }
  throw new Error(`no good answer from port ${given.port} in ${START_PATIENCE_MS} ms: ${last.split("\r\n")[0]}`);
}

/** Tries until the first connection is taken. */
export async function firstConnection({ port, from }: Omit<Answered, "request">): Promise<void> {
  const deadline = performance.now() + START_PATIENCE_MS;
  while (performance.now() < deadline) {
    const socket = connect({ port, host: "127.0.0.1", localAddress: from });
    const isTaken = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isTaken) return;
    await delay(POLL_MS);
  }
  throw new Error(`nobody listens on port ${port} after ${START_PATIENCE_MS} ms`);
}

/** @returns the first bytes of the answer */
async function askOnce({ port, from, request }: Answered): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", localAddress: from });
  try {
    socket.on("connect", () => socket.write(request));
    const [bytes] = (await once(socket, "data")) as [Buffer];
    return bytes.toString("latin1");
  } finally {
    socket.destroy();
  }
}

export const removeDirectory = (directory: string): void => rmSync(directory, { recursive: true, force: true });
