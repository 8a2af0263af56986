import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { Client } from "./client.ts";

/** What a client says of itself after it was asked. */
export interface Said {
  readonly accessKeyId?: string;
  readonly arn?: string;
  readonly metadata?: unknown;
  readonly error?: string;
}

/** Longer than the most patient client needs; what takes longer is frozen. */
const PATIENCE_MS = 60_000;

/** A client in its container: asked as often as wanted, for the same process while that lives. */
export class ClientProcess {
  readonly #client: Client;
  readonly #enter: (...command: readonly string[]) => readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcessByStdio<Writable, Readable, Readable> | undefined;
  #lines: AsyncIterator<string> | undefined;
  #stderr = "";

  constructor(client: Client, enter: ClientProcess["enter"], env: NodeJS.ProcessEnv) {
    this.#client = client;
    this.#enter = enter;
    this.#env = env;
  }

  get enter(): (...command: readonly string[]) => readonly string[] {
    return this.#enter;
  }

  /** @throws when it has not ended its answer in time: then it is frozen, and killed */
  async ask(): Promise<Said> {
    return this.#client.program ? this.#askProgram(this.#client.program) : this.#runCommand(this.#client.command ?? []);
  }

  async close(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!isRunning(child)) return;
    child.kill("SIGKILL");
    await once(child, "close");
  }

  async #askProgram(argv: readonly string[]): Promise<Said> {
    if (!isRunning(this.#child)) this.#start(argv);
    this.#stderr = "";
    this.#child?.stdin.write("ask\n");
    const line = await this.#inTime(this.#lines?.next());
    if (line?.done !== false) return { error: `the program ended: ${lastWords(this.#stderr)}` };
    return JSON.parse(line.value) as Said;
  }

  async #runCommand(argv: readonly string[]): Promise<Said> {
    const child = this.#spawn(argv);
    this.#child = child;
    child.stdin.end();
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    const [code] = (await this.#inTime(once(child, "close"))) as [number | null];
    const error = code === 0 ? {} : { error: `ended with ${code}: ${lastWords(this.#stderr || stdout)}` };
    return { ...spoken(stdout), ...error };
  }

  #start(argv: readonly string[]): void {
    this.#child = this.#spawn(argv);
    // A program that ends early is told by its lines' end.
    this.#child.stdin.on("error", () => {});
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  #spawn(argv: readonly string[]): ChildProcessByStdio<Writable, Readable, Readable> {
    const [file = "", ...args] = ["setpriv", "--pdeathsig", "KILL", ...this.#enter(...argv)];
    const child = spawn(file, args, { env: this.#env, stdio: ["pipe", "pipe", "pipe"] });
    this.#stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
    return child;
  }

  async #inTime<T>(answer: Promise<T> | undefined): Promise<T | undefined> {
    const late = Promise.withResolvers<"late">();
    const timer = setTimeout(() => late.resolve("late"), PATIENCE_MS);
    const first = await Promise.race([answer, late.promise]).finally(() => clearTimeout(timer));
    if (first !== "late") return first;
    await this.close();
    throw new Error(`frozen: no end in ${PATIENCE_MS / 1000} s; its last words: ${lastWords(this.#stderr)}`);
  }
}

const isRunning = (child: ChildProcess | undefined): child is ChildProcess =>
  child !== undefined && child.exitCode === null && child.signalCode === null;

/** A command that prints a JSON object is one that has something to say. */
function spoken(stdout: string): Said {
  const text = stdout.trim();
  return text.startsWith("{") ? (JSON.parse(text) as Said) : { metadata: text };
}

const lastWords = (text: string): string => text.trim().split("\n").slice(-3).join(" | ").slice(-400);
