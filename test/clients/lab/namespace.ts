import { networkInterfaces } from "node:os";
import { LongRunning, run } from "../../e2e/support/programs.ts";

/** A network namespace that lives until it is closed, or until this process ends. */
export class Namespace {
  readonly #holder: LongRunning;

  private constructor(holder: LongRunning) {
    this.#holder = holder;
  }

  static async open(): Promise<Namespace> {
    const holder = new LongRunning(["unshare", "--net", "sh", "-c", "echo ready; exec sleep infinity"]);
    await holder.waitForLine((line) => line === "ready");
    return new Namespace(holder);
  }

  get pid(): number {
    return this.#holder.pid;
  }

  /** The command that runs `command` in it. */
  enter(...command: readonly string[]): readonly string[] {
    return ["nsenter", `--net=/proc/${this.pid}/ns/net`, "--", ...command];
  }

  async must(script: string): Promise<void> {
    await run(this.enter("sh", "-ec", script));
  }

  close(): Promise<void> {
    return this.#holder.stop("SIGKILL");
  }
}

/** The tests' own namespace is EC2, with its metadata address: it must not be the machine's. */
export function demandOwnNamespace(): void {
  const found = Object.keys(networkInterfaces());
  if (found.length === 0) return;
  throw new Error(`needs a network namespace of its own (npm run test:clients makes one); this one has ${found}`);
}
