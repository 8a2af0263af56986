import { spawn } from "node:child_process";
import { once } from "node:events";

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
}

/** A started program: its output so far, and the ways to wait for it. */
export class Running {
  readonly #child: ReturnType<typeof spawn>;
  readonly #closed: Promise<unknown>;
  stdout = "";
  stderr = "";

  constructor(args: readonly string[], { env = {}, program = EXECUTABLE }: RunOptions = {}) {
    const [file = "", ...before] = program;
    this.#child = spawn(file, [...before, ...args], {
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

  /** @returns the first match in stdout, waited for; fails when the program ends or the time is up without it */
  async says(wanted: RegExp, withinMs = 10_000): Promise<RegExpExecArray> {
    const until = performance.now() + withinMs;
    for (;;) {
      const match = wanted.exec(this.stdout);
      if (match) return match;
      if (this.#child.exitCode !== null || performance.now() > until) {
        throw new Error(`it never said ${wanted}:\n${this.stdout}\n${this.stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** The JSON lines written so far. */
  lines(): readonly Record<string, unknown>[] {
    return this.stdout
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line));
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async ended(): Promise<Ended> {
    await this.#closed;
    return { code: this.#child.exitCode, stdout: this.stdout, stderr: this.stderr };
  }

  /** For cleaning up: whatever state it is in, it is gone afterwards. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
  }
}

export const run = (args: readonly string[], options: RunOptions = {}): Promise<Ended> =>
  new Running(args, options).ended();
