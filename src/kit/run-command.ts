import { type ChildProcess, spawn } from "node:child_process";

export interface CommandOptions {
  /** Written to the program's standard input, which is then closed. */
  readonly stdin?: string;
  /** The program is killed when it has not ended by then. */
  readonly timeoutMs?: number;
  /** Of standard output, and again of standard error; a program that says more is killed. */
  readonly maxOutputBytes?: number;
  /** The whole environment; without it, this process's own. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Every way a program can end, or fail to begin. */
export type CommandOutcome =
  | { readonly kind: "exited"; readonly code: number; readonly stdout: string; readonly stderr: string }
  /** No such program on the PATH. */
  | { readonly kind: "missing" }
  /** `errorCode` is the system's, e.g. "EACCES". */
  | { readonly kind: "not-started"; readonly errorCode: string }
  | { readonly kind: "killed"; readonly by: string; readonly stderr: string };

export type RunCommand = (argv: readonly string[], options?: CommandOptions) => Promise<CommandOutcome>;

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

/**
 * Runs a program to its end. `argv` is handed over as it is: no shell reads it. Rejects only for what can be no
 * program's arguments (an empty name, a NUL), which is a bug of the caller.
 *
 * On Node and on Bun the program's standard input is a socket, not a pipe: a program that opens
 * "/dev/stdin" by name fails with ENXIO (nft 0.9.8 does; 1.0.6 reads the descriptor).
 */
export const runCommand: RunCommand = (argv, options = {}) =>
  new Promise((resolve, reject) => {
    try {
      const child = start(argv, options);
      const watch = new Watch(child, options, resolve);
      child.once("error", (error) => watch.settle(startFailure(error)));
      child.once("close", (code, signal) => watch.ended(code, signal));
    } catch (error) {
      // Node throws some of the system's errors (E2BIG) and emits the others (ENOENT).
      if (isSystemError(error)) resolve(startFailure(error));
      else reject(error);
    }
  });

function start([program = "", ...args]: readonly string[], { env, stdin }: CommandOptions): ChildProcess {
  const child = spawn(program, args, { stdio: "pipe", ...(env && { env: { ...env } }) });
  // A program may end without reading its input (EPIPE); how it ended says whether that matters.
  child.stdin.on("error", () => undefined);
  child.stdin.end(stdin ?? "");
  return child;
}

const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && "errno" in error && typeof error.errno === "number";

const startFailure = ({ code }: NodeJS.ErrnoException): CommandOutcome =>
  code === "ENOENT" ? { kind: "missing" } : { kind: "not-started", errorCode: code ?? "unknown" };

/** Collects what one program says, and settles: at its end, its time limit or its output limit. */
class Watch {
  readonly #child: ChildProcess;
  readonly #resolve: (outcome: CommandOutcome) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #stdout: Buffer[];
  readonly #stderr: Buffer[];

  constructor(child: ChildProcess, options: CommandOptions, resolve: (outcome: CommandOutcome) => void) {
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const maxBytes = options.maxOutputBytes ?? DEFAULT_MAX_OUTPUT_BYTES;
    this.#child = child;
    this.#resolve = resolve;
    this.#timer = setTimeout(() => this.#kill(`the time limit of ${timeoutMs} ms`), timeoutMs);
    this.#stdout = this.#collect(child.stdout, maxBytes);
    this.#stderr = this.#collect(child.stderr, maxBytes);
  }

  /** The first outcome counts. */
  settle(outcome: CommandOutcome): void {
    clearTimeout(this.#timer);
    this.#resolve(outcome);
  }

  ended(code: number | null, signal: NodeJS.Signals | null): void {
    if (code === null) this.settle({ kind: "killed", by: signal ?? "a signal", stderr: text(this.#stderr) });
    else this.settle({ kind: "exited", code, stdout: text(this.#stdout), stderr: text(this.#stderr) });
  }

  #collect(stream: NodeJS.ReadableStream | null, maxBytes: number): Buffer[] {
    const chunks: Buffer[] = [];
    let bytes = 0;
    stream?.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) this.#kill(`the output limit of ${maxBytes} bytes`);
      else chunks.push(chunk);
    });
    return chunks;
  }

  /** Settles without waiting for "close", which a grandchild that holds the pipes could put off for ever. */
  #kill(by: string): void {
    this.settle({ kind: "killed", by, stderr: text(this.#stderr) });
    this.#child.kill("SIGKILL");
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }
}

const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString("utf8");
