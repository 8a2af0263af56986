import { type ChildProcessByStdio, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** After this long the program is killed and its code is null. */
  readonly timeoutMs?: number;
}

/** Runs a program to its end, whatever that is. */
export function tryRun(command: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    env: { ...process.env, ...options.env },
    timeout: options.timeoutMs ?? 60_000,
    killSignal: "SIGKILL",
  });
  const heard = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (heard.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (heard.stderr += text));
  // A program that does not read its input is no fault of ours.
  child.stdin.on("error", () => {}).end(options.input ?? "");
  return new Promise((resolve, reject) => {
    child.on("error", reject).on("close", (code) => resolve({ code, ...heard }));
  });
}

/** Runs a program that must succeed. @returns what it printed, without the last newline. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await tryRun(command, options);
  if (code === 0) return stdout.trimEnd();
  throw new Error(`${command.join(" ")}\nended with ${code ?? "a signal"}:\n${stderr.trimEnd()}\n${stdout.trimEnd()}`);
}

/**
 * A program that runs until told otherwise. It dies with this process, however
 * that ends: the kernel sends it SIGKILL.
 */
export class LongRunning {
  /** Everything it printed, line by line, both streams. */
  readonly lines: string[] = [];
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #command: readonly string[];
  readonly exited: Promise<number | NodeJS.Signals>;
  #hasExited = false;

  constructor(command: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.#command = command;
    this.#child = spawn("setpriv", ["--pdeathsig", "KILL", ...command], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => this.lines.push(line));
    }
    this.exited = new Promise((resolve) => {
      this.#child.on("close", (code, signal) => {
        this.#hasExited = true;
        resolve(code ?? signal ?? 0);
      });
    });
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`could not start ${this.#command.join(" ")}`);
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return !this.#hasExited;
  }

  /** The program itself where nsenter or unshare had to fork to reach a new process namespace. */
  get innermostPid(): number {
    const childOf = (pid: number) => Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ")[0]);
    return childOf(this.pid) || this.pid;
  }

  /** Waits for a line among all there ever were. @throws with everything it said when it ends or takes too long. */
  async waitForLine(wanted: (line: string) => boolean, timeoutMs = 15_000): Promise<string> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const found = this.lines.find(wanted);
      if (found !== undefined) return found;
      if (!this.isRunning || Date.now() > deadline) throw new Error(this.#complaint(timeoutMs));
      await sleep(20);
    }
  }

  #complaint(timeoutMs: number): string {
    const what = this.isRunning ? `did not say what was waited for in ${timeoutMs} ms` : "ended";
    return `${this.#command.join(" ")}\n${what}. Its last words:\n${this.lines.slice(-20).join("\n")}`;
  }

  /** Sends the signal to the program itself. (An nsenter above it stops when it stops, and must be woken too.) */
  signal(signal: NodeJS.Signals): void {
    const { innermostPid } = this;
    process.kill(innermostPid, signal);
    if (innermostPid !== this.pid) process.kill(this.pid, "SIGCONT");
  }

  /** Sends the signal to the program itself and waits for the end. */
  async stop(signal: NodeJS.Signals = "SIGTERM", timeoutMs = 20_000): Promise<void> {
    if (!this.isRunning) return;
    this.signal(signal);
    const outcome = await Promise.race([this.exited, sleep(timeoutMs, "late" as const, { ref: false })]);
    if (outcome !== "late") return;
    this.signal("SIGKILL");
    throw new Error(`${this.#command.join(" ")}\ndid not end within ${timeoutMs} ms of ${signal}`);
  }
}

/** Asks again until it answers without throwing. @throws its last error. */
export async function eventually<T>(what: () => Promise<T>, timeoutMs = 10_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await what();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(50);
    }
  }
}
