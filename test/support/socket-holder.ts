import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Ended, EXECUTABLE, jsonLines, type Life, saidIn } from "./program.ts";

/**
 * Holds the socket as its descriptor 3 and starts the daemon ("$@") with it when told to, in the way of systemd: LISTEN_PID
 * is the daemon's own number, since the shell that sets it becomes the daemon.
 */
const HOLDER = `
while read -r order what; do
  case $order in
    start) LISTEN_FDS=1 LISTEN_FDNAMES=metadata sh -c 'LISTEN_PID=$$ exec "$@"' sh "$@" >"$what" 2>&1 & echo "started $! ." ;;
    wait) wait "$what"; echo "ended $what $? ." ;;
  esac
done`;

/** A listening socket that outlives the daemons which serve on it. */
export class SocketHolder {
  readonly port: number;
  readonly #program: readonly string[];
  readonly #descriptor: number;
  readonly #directory = mkdtempSync(join(tmpdir(), "taskrole-lives-"));
  #closeOwn: () => void;
  #shell: ChildProcess | undefined;
  #said = "";
  #lives = 0;

  /** @param host "::" takes IPv4 too */
  static async listen(host = "127.0.0.1", program = EXECUTABLE): Promise<SocketHolder> {
    const server = createServer().listen(0, host);
    await once(server, "listening");
    return new SocketHolder(server, program);
  }

  private constructor(server: ReturnType<typeof createServer>, program: readonly string[]) {
    this.port = (server.address() as AddressInfo).port;
    this.#program = program;
    // Nothing of node:net's own tells it.
    this.#descriptor = (server as unknown as { readonly _handle: { readonly fd: number } })._handle.fd;
    this.#closeOwn = () => server.close();
  }

  /** @param args the same for each life: those of the first are kept */
  async start(args: readonly string[]): Promise<Life> {
    this.#shell ??= this.#hold(args);
    const log = join(this.#directory, `${++this.#lives}.log`);
    writeFileSync(log, "");
    const pid = Number(await this.#order(`start ${log}`, /started (\d+) \./));
    return new HeldLife(pid, log, () => this.#order(`wait ${pid}`, new RegExp(`ended ${pid} (\\d+) \\.`)));
  }

  async close(): Promise<void> {
    this.#closeOwn();
    const shell = this.#shell;
    shell?.stdin?.end();
    if (shell && shell.exitCode === null) await once(shell, "exit");
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #hold(args: readonly string[]): ChildProcess {
    const shell = spawn("sh", ["-c", HOLDER, "sh", ...this.#program, ...args], {
      env: { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent" },
      stdio: ["pipe", "pipe", "ignore", this.#descriptor],
    });
    shell.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#said += text;
    });
    this.#closeOwn(); // from now on it is the shell's alone, which accepts nothing
    return shell;
  }

  async #order(order: string, answer: RegExp): Promise<string> {
    const shell = this.#shell;
    shell?.stdin?.write(`${order}\n`);
    const before = this.#said.length;
    const output = { text: () => this.#said.slice(before), isOver: () => shell?.exitCode !== null };
    return (await saidIn(output, answer, 30_000))[1] ?? "";
  }
}

class HeldLife implements Life {
  readonly stderr = "";
  readonly #pid: number;
  readonly #log: string;
  readonly #wait: () => Promise<string>;
  #ended: Promise<Ended> | undefined;

  constructor(pid: number, log: string, wait: () => Promise<string>) {
    this.#pid = pid;
    this.#log = log;
    this.#wait = wait;
  }

  get stdout(): string {
    return readFileSync(this.#log, "utf8");
  }

  says(wanted: RegExp, withinMs = 10_000): Promise<RegExpExecArray> {
    return saidIn({ text: () => this.stdout, isOver: () => this.#ended !== undefined }, wanted, withinMs);
  }

  lines(): readonly Record<string, unknown>[] {
    return jsonLines(this.stdout);
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.#pid, signal);
  }

  ended(): Promise<Ended> {
    this.#ended ??= this.#wait().then((code) => ({ code: Number(code), stdout: this.stdout, stderr: this.stderr }));
    return this.#ended;
  }

  async kill(): Promise<void> {
    if (this.#ended === undefined) this.signal("SIGKILL");
    await this.ended();
  }
}
