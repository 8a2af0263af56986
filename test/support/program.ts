import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";

/** What ships: compiled before the tests run. */
export const EXECUTABLE: readonly string[] = ["dist/taskrole"];
/** What a contributor runs. */
export const FROM_SOURCE: readonly string[] = [process.execPath, "src/cli/main.ts"];

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly program?: readonly string[];
  /** Where it is started; a program that is not on the PATH is found from here all the same. */
  readonly folder?: string;
}

/** A started daemon, whoever started it. */
export interface Life {
  readonly stdout: string;
  /** "" where it comes with the other. */
  readonly stderr: string;
  /** @returns the first match in stdout, waited for; fails when the program ends or the time is up without it */
  says(wanted: RegExp, withinMs?: number): Promise<RegExpExecArray>;
  /** The JSON lines written so far. */
  lines(): readonly Record<string, unknown>[];
  signal(signal: NodeJS.Signals): void;
  ended(): Promise<Ended>;
  /** For cleaning up: whatever state it is in, it is gone afterwards. */
  kill(): Promise<void>;
}

/** A started program: its output so far, and the ways to wait for it. */
export class Running implements Life {
  readonly #child: ReturnType<typeof spawn>;
  readonly #closed: Promise<unknown>;
  stdout = "";
  stderr = "";

  constructor(args: readonly string[], { env = {}, program = EXECUTABLE, folder }: RunOptions = {}) {
    const [file = "", ...before] = program.map((part) => (part.includes("/") && folder ? resolve(part) : part));
    this.#child = spawn(file, [...before, ...args], {
      cwd: folder,
      env: { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#closed = once(this.#child, "close");
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  says(wanted: RegExp, withinMs = 10_000): Promise<RegExpExecArray> {
    const output = { text: () => this.stdout, isOver: () => this.#child.exitCode !== null };
    return saidIn(output, wanted, withinMs).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.stderr}`);
    });
  }

  /** The same of stderr. */
  complains(wanted: RegExp, withinMs = 10_000): Promise<RegExpExecArray> {
    return saidIn({ text: () => this.stderr, isOver: () => this.#child.exitCode !== null }, wanted, withinMs);
  }

  lines(): readonly Record<string, unknown>[] {
    return jsonLines(this.stdout);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async ended(): Promise<Ended> {
    await this.#closed;
    return { code: this.#child.exitCode, stdout: this.stdout, stderr: this.stderr };
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
  }
}

interface Output {
  readonly text: () => string;
  readonly isOver: () => boolean;
}

export async function saidIn({ text, isOver }: Output, wanted: RegExp, withinMs: number): Promise<RegExpExecArray> {
  const until = performance.now() + withinMs;
  for (;;) {
    const isLastLook = isOver() || performance.now() > until;
    const match = wanted.exec(text());
    if (match) return match;
    if (isLastLook) throw new Error(`it never said ${wanted}:\n${text()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export const jsonLines = (text: string): readonly Record<string, unknown>[] =>
  text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));

export const run = (args: readonly string[], options: RunOptions = {}): Promise<Ended> =>
  new Running(args, options).ended();
